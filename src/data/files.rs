//! The files of a training or of a test set: pictures and labels that belong together.

use std::path::{Path, PathBuf};

use super::{
    Classes, DataError, Images, Labels, Samples,
    idx::parse_images,
    labels::{parse_labels, read_labels},
    names::FileSet,
    read_images,
};

/// Whether rows and columns of pictures are swapped as they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transpose {
    /// Those of EMNIST, which stores them so, by their files' names.
    #[default]
    ByName,
    /// All.
    Yes,
    /// None.
    No,
}

impl Transpose {
    /// Whether rows and columns of these pictures are swapped.
    pub(super) fn applies(self, files: &FileSet) -> bool {
        match self {
            Transpose::ByName => files.is_transposed(),
            Transpose::Yes => true,
            Transpose::No => false,
        }
    }
}

/// The two files of the training or of the test set.
pub(super) struct Files {
    images: Images,
    labels: Labels,
    /// Where the images came from.
    pub path: PathBuf,
    /// Where the labels came from.
    labels_path: PathBuf,
}

impl Files {
    pub fn load([path, labels_path]: [&Path; 2]) -> Result<Files, DataError> {
        let (images, labels) = rayon::join(|| read_images(path), || read_labels(labels_path));
        Files::of((images?, path), (labels?, labels_path))
    }

    /// From the bytes of the files; the paths are for messages.
    pub fn parse([path, labels_path]: [&Path; 2], [images, labels]: [&[u8]; 2]) -> Result<Files, DataError> {
        Files::of((parse_images(path, images)?, path), (parse_labels(labels_path, labels)?, labels_path))
    }

    /// What belongs together.
    fn of(
        (images, path): (Images, &Path),
        (labels, labels_path): (Labels, &Path),
    ) -> Result<Files, DataError> {
        if labels.len() != images.count {
            return Err(DataError::CountsDiffer {
                images: path.to_owned(),
                labels: labels_path.to_owned(),
                expected: images.count,
                found: labels.len(),
            });
        }
        Ok(Files { images, labels, path: path.to_owned(), labels_path: labels_path.to_owned() })
    }

    /// (rows, columns) of a picture, as it is stored.
    pub fn picture(&self) -> (usize, usize) {
        (self.images.rows, self.images.cols)
    }

    /// The classes that the labels make, if these files train.
    pub fn classes(&self) -> Result<Classes, DataError> {
        classes(&self.labels, &self.labels_path)
    }

    /// The samples with the classes of the training set, rows and columns of their pictures swapped if `transpose`.
    pub fn into_samples(self, classes: &Classes, transpose: bool) -> Result<Samples, DataError> {
        let labels = classes.of_each(&self.labels);
        let labels = labels.map_err(|fault| DataError::File { path: self.labels_path, fault })?;
        let Images { rows, cols, mut pixels, .. } = self.images;
        if transpose {
            transpose_all(&mut pixels, rows, cols);
        }
        Ok(Samples { pixels, labels, inputs: rows * cols })
    }
}

/// The classes that the labels of a training file make.
pub(super) fn classes(labels: &Labels, path: &Path) -> Result<Classes, DataError> {
    Classes::of(labels).map_err(|fault| DataError::File { path: path.to_owned(), fault })
}

/// Makes pictures of `rows` x `cols` into pictures of `cols` x `rows`.
fn transpose_all(pixels: &mut [u8], rows: usize, cols: usize) {
    let mut stored = vec![0; rows * cols];
    for picture in pixels.chunks_exact_mut(rows * cols) {
        stored.copy_from_slice(picture);
        for (place, pixel) in picture.iter_mut().enumerate() {
            *pixel = stored[(place % rows) * cols + place / rows];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let mut pixels = [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60];
        transpose_all(&mut pixels, 2, 3);
        assert_eq!(pixels, [1, 4, 2, 5, 3, 6, 10, 40, 20, 50, 30, 60]);
        transpose_all(&mut pixels, 3, 2);
        assert_eq!(pixels, [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60]);
    }
}
