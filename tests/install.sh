# Sourced by tests/run and tests/soak. Installs packages if this runs as root on Debian or Ubuntu, or in CI.
install() {
  command="apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y $*"
  if [ -n "${CI:-}" ] && [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
    sudo sh -c "$command"
  elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    sh -c "$command"
  else
    return 1
  fi
}
