# `cmake --install build/release --prefix DIR`: the program, what it prints of itself (manual page, completion of shells), documentation, and below
# share/iommusim the configurations, studies and analysis as in the repository. The program needs none of them at run time, only Debian's libraries.
include(GNUInstallDirs)
install(TARGETS iommusim)
install(FILES LICENSE README.md CHANGELOG.md TYPE DOC)
install(FILES experiments/runner/sweep/FORMAT.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/experiments/runner/sweep)
install(FILES experiments/runner/trace/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/experiments/runner/trace)

# iommusim_install_text(FOLDER FILE ARGUMENTS...): what the program prints with these arguments becomes a file.
function(iommusim_install_text folder file)
  set(text ${CMAKE_CURRENT_BINARY_DIR}/installed/${folder}/${file})
  get_filename_component(text_folder ${text} DIRECTORY)
  string(REPLACE ";" "\" \"" arguments "${ARGN}")
  install(CODE "file(MAKE_DIRECTORY \"${text_folder}\")
execute_process(COMMAND \"$<TARGET_FILE:iommusim>\" \"${arguments}\" OUTPUT_FILE \"${text}\" COMMAND_ERROR_IS_FATAL ANY)")
  install(FILES ${text} DESTINATION ${folder})
endfunction()
iommusim_install_text(${CMAKE_INSTALL_MANDIR}/man1 iommusim.1 man)
iommusim_install_text(${CMAKE_INSTALL_DATADIR}/bash-completion/completions iommusim completion bash)
iommusim_install_text(${CMAKE_INSTALL_DATADIR}/zsh/site-functions _iommusim completion zsh)
iommusim_install_text(${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d iommusim.fish completion fish)

set(shared ${CMAKE_INSTALL_DATADIR}/iommusim)
install(DIRECTORY configs DESTINATION ${shared})
install(DIRECTORY experiments DESTINATION ${shared} FILES_MATCHING
  PATTERN *.yaml PATTERN *.csv PATTERN *.gz PATTERN README.md
  PATTERN experiments/runner EXCLUDE PATTERN experiments/import EXCLUDE)
install(DIRECTORY analysis DESTINATION ${shared} FILES_MATCHING
  PATTERN *.py PATTERN *.js PATTERN *.css PATTERN README.md PATTERN __pycache__ EXCLUDE PATTERN .mypy_cache EXCLUDE)
# `iommusim-analysis` is `python3 -m analysis` of what is installed, wherever the whole is moved to.
file(RELATIVE_PATH from_bin ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_DATADIR}/iommusim)
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/installed/iommusim-analysis @ONLY CONTENT [=[#!/bin/sh
PYTHONPATH=$(dirname "$(readlink -f "$0")")/@from_bin@ exec /usr/bin/python3 -m analysis "$@"
]=])
install(PROGRAMS ${CMAKE_CURRENT_BINARY_DIR}/installed/iommusim-analysis TYPE BIN)
