# SPDX-License-Identifier: Apache-2.0
#
# cmake -DFROM=file -DTO=header -DNAME=symbol -P embed.cmake
# Turns a text file into a C array that ends in NUL.
file(READ ${FROM} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${TO} "static const char ${NAME}[] = {\n${hex}0};\n")
