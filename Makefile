# firstmover: `make help` lists the targets. Objects go to build/<variant>/, where the variant is the compiler
# and the kind of build (SAN, REAL, WERROR), so that different builds never mix.

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
PROGRAM_PREFIX ?= firstmover-

# --- The variant -------------------------------------------------------------------------------------------

ifeq ($(origin CC),default)
CC := cc
endif
empty :=
space := $(empty) $(empty)
comma := ,
KIND := $(if $(filter 1,$(SAN)),-san)$(if $(filter double,$(REAL)),-double)
VARIANT := $(subst /,_,$(subst $(space),_,$(strip $(CC))))$(KIND)$(if $(filter 1,$(WERROR)),-werror)
O := build/$(VARIANT)
# Special builds keep their programs to themselves; the others put them into the top folder.
BIN := $(if $(KIND),$(O)/bin,.)

ifeq ($(filter -j% --jobs%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
endif

# --- Flags -------------------------------------------------------------------------------------------------

# The one library beyond libc; STB=/folder/of/stb_ds.h overrides the search.
STB_PLACES := $(patsubst -I%,%,$(shell pkg-config --cflags-only-I stb 2>/dev/null)) \
    $(foreach p,/usr /usr/local /opt/homebrew /opt/local,$(p)/include/stb $(p)/include)
STB ?= $(patsubst %/stb_ds.h,%,$(firstword $(wildcard $(addsuffix /stb_ds.h,$(STB_PLACES)))))

# The same source gives the same bits with every compiler: no contraction of a*b+c, no value-changing
# optimisation. Not setting errno and not trapping change no value, but let sqrt and branches be vectorised.
EXACT := -ffp-contract=off -fno-math-errno -fno-trapping-math
WARN := -Wall -Wextra -Wshadow -Wconversion $(if $(filter 1,$(WERROR)),-Werror)
OPTIMISE := $(if $(filter 1,$(SAN)),-O1,-O3)
SANITIZE := $(if $(filter 1,$(SAN)),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer)
DEFINES := -D_POSIX_C_SOURCE=200809L $(if $(filter double,$(REAL)),-DFM_DOUBLE)
# The standard places are searched anyway, and must not be searched earlier.
INCLUDES := -I. $(if $(filter-out /usr/include /usr/local/include,$(STB)),-isystem $(STB))
COMPILE = $(strip $(CC) -std=c11 -g $(OPTIMISE) $(EXACT) $(WARN) $(SANITIZE) -pthread $(DEFINES) \
    $(INCLUDES) $(CPPFLAGS) $(CFLAGS))
# Programs export the API, and nothing else, to whatever they load.
EXPORT := $(if $(filter Darwin,$(shell uname -s)),-Wl$(comma)-exported_symbols_list$(comma),\
    -Wl$(comma)--dynamic-list=)$(O)/api.txt
LINK = $(strip $(CC) -g $(SANITIZE) -pthread $(LDFLAGS))
LIBS := $(strip -lm $(if $(filter Linux,$(shell uname -s)),-ldl) $(LDLIBS))

# --- Files -------------------------------------------------------------------------------------------------

LIB_ROOMS := base autograd nn envs algos training
TRAINING_PROGRAMS := train solve play reproduce
PROGRAMS := $(TRAINING_PROGRAMS) bench

# $(call below,FOLDERS,PATTERN): the files of that pattern at any depth.
below = $(foreach f,$(wildcard $(addsuffix /*,$1)),$(call below,$f,$2) $(filter $2,$f))

LIB_SOURCES := $(sort $(filter-out $(TRAINING_PROGRAMS:%=training/%.c),$(call below,$(LIB_ROOMS),%.c)))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(O)/%.o)
LIB := $(O)/libfirstmover.a
BENCH_OBJECTS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard benchmarks/*.c)))
# x.inc.h is a piece of a source file, not a header.
HEADERS := $(filter-out %.inc.h,$(call below,$(LIB_ROOMS),%.h))

# `make test T="option file"` takes the tests whose name contains one of the words; SKIP leaves some out in
# that way.
named = $(foreach t,$2,$(if $(strip $(foreach word,$1,$(findstring $(word),$(t)))),$(t)))
ALL_TESTS := $(sort $(foreach t,$(call below,tests,%.c),$(if $(filter test_%,$(notdir $t)),$t))) \
    tests/header_examples.sh $(wildcard tests/test_*.sh)
WANTED := $(if $(T),$(call named,$(T),$(ALL_TESTS)),$(ALL_TESTS))
TESTS := $(filter-out $(call named,$(SKIP),$(WANTED)),$(WANTED))
TEST_PROGRAMS := $(patsubst %.c,$(O)/%,$(filter %.c,$(TESTS)))

# Building says one short line per file; V=1 shows the commands.
SAY = @$(if $(V),,printf '  %-4s %s\n' '$1' '$2';)
Q := $(if $(V),,@)

# --- Building ----------------------------------------------------------------------------------------------

.PHONY: all programs deps test attack mutants bench peers install uninstall clean help FORCE $(TRAINING_PROGRAMS)
.DELETE_ON_ERROR:
.SECONDARY:

all: $(LIB) programs

# Copies only what changed, so that a run that is under way keeps its program.
programs: $(PROGRAMS:%=$(O)/bin/%)
ifeq ($(BIN),.)
	@for p in $(PROGRAMS); do \
	    cmp -s $(O)/bin/$$p $$p || { cp $(O)/bin/$$p $(O)/$$p.new && mv -f $(O)/$$p.new $$p; } || exit 1; done
endif

$(TRAINING_PROGRAMS): programs

# A file that changes only when the text does: whatever depends on it is then built anew.
write_if_changed = mkdir -p $(@D) && printf '%s\n' '$(subst ','\'',$1)' >$@.new && \
    if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(O)/flags.txt: FORCE
	@[ -n '$(STB)' ] || { echo 'stb_ds.h was not found: run "make deps", or give STB=<its folder>' >&2; exit 1; }
	@$(call write_if_changed,$(COMPILE) / $(LINK) $(LIBS))

$(O)/sources.txt: FORCE
	@$(call write_if_changed,$(LIB_SOURCES))

# The names that programs export, in the form of the linker at hand: functions by their prefix, and tables.
API := fm_ ad_ nn_ env_ algo_ loop_ bimatrix_ iterated_ oracle_ inner_ FM_ AD_ NN_ ENV_ ALGO_ LOOP_ BIMATRIX_ ITERATED_ ORACLE_ INNER_
ifeq ($(shell uname -s),Darwin)
API_LIST := $(API:%=_%*)
else
API_LIST := { $(API:%=%*;) };
endif
$(O)/api.txt: FORCE
	@$(call write_if_changed,$(API_LIST))

# The version, and the commit when this folder is a checkout: known to training/run/version.c only, so that a
# commit does not build the world anew.
COMMIT = $(shell [ -e .git ] && git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null)
$(O)/version.txt: FORCE
	@$(call write_if_changed,'-DFM_VERSION="$(VERSION)"' $(patsubst %,'-DFM_COMMIT="%"',$(COMMIT)))

$(O)/training/run/version.o: $(O)/version.txt
$(O)/training/run/version.o: FILE_FLAGS = $(shell cat $(O)/version.txt)

$(O)/%.o: %.c $(O)/flags.txt
	@mkdir -p $(@D)
	$(call SAY,cc,$<)
	$Q$(COMPILE) $(FILE_FLAGS) -MMD -MP -c $< -o $@

ifneq ($(filter x86_64% amd64%,$(shell $(CC) -dumpmachine 2>/dev/null)),)
$(O)/autograd/kernels/avx2.o: FILE_FLAGS = -mavx2 -mfma
$(O)/autograd/kernels/avx512.o: FILE_FLAGS = -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mavx2
endif

$(LIB): $(LIB_OBJECTS) $(O)/sources.txt
	@rm -f $@
	$(call SAY,ar,$@)
	$Q$(AR) rcs $@ $(LIB_OBJECTS)

# Programs hold the whole library, because a loaded environment or algorithm may call any part of it.
$(TRAINING_PROGRAMS:%=$(O)/bin/%): $(O)/bin/%: $(O)/training/%.o
$(O)/bin/bench: $(BENCH_OBJECTS)
$(PROGRAMS:%=$(O)/bin/%): $(LIB_OBJECTS) $(O)/api.txt
	@mkdir -p $(@D)
	$(call SAY,ld,$@)
	$Q$(LINK) $(EXPORT) $(filter %.o,$^) -o $@ $(LIBS)

# Private: the flags file, which the tests depend on too, is the same whoever asks for it.
$(O)/tests/%.o: private OPTIMISE := -O1

$(TEST_PROGRAMS): %: %.o $(LIB)
	$(call SAY,ld,$@)
	$Q$(LINK) $^ -o $@ $(LIBS)

-include $(call below,$(O),%.d)

# --- Using -------------------------------------------------------------------------------------------------

# Test programs start in the top folder. What a test that builds or starts something needs is in the
# environment.
test: $(LIB) $(TEST_PROGRAMS) programs
	@[ -n '$(TESTS)' ] || { echo 'no test matches T="$(T)" SKIP="$(SKIP)"' >&2; exit 1; }
	@FIRSTMOVER_BIN='$(BIN)' FIRSTMOVER_BUILD='$(O)' FIRSTMOVER_COMPILE='$(COMPILE)' FIRSTMOVER_LINK='$(LINK)' \
	    FIRSTMOVER_LIB='$(LIB)' FIRSTMOVER_LIBS='$(LIBS)' \
	    sh tests/run.sh $(TEST_PROGRAMS) $(filter %.sh,$(TESTS))

# Attacks the programs from outside for minutes: tests/test_runs.sh, with more rounds of its random parts.
attack: programs
	@FIRSTMOVER_BIN='$(BIN)' ATTACK_ROUNDS=$(or $(ROUNDS),500) sh tests/test_runs.sh

# Seeds faults into a copy of the tree; each must make a test fail.
mutants: programs $(LIB)
	@sh tests/mutants.sh $(NAMES)

bench: programs
	$(BIN)/bench $(ARGS)

peers: programs
	./benchmarks/peers/run.sh $(ARGS)

# Looks for what the build needs; where something is missing, installs it (Debian, Ubuntu) or says what it is.
deps:
	@missing=; \
	printf '#include <stdio.h>\n#include <math.h>\n' | $(CC) -E - >/dev/null 2>&1 \
	    || missing="$$missing $(if $(findstring clang,$(CC)),clang,gcc) libc6-dev"; \
	command -v $(firstword $(AR)) >/dev/null 2>&1 || missing="$$missing binutils"; \
	[ -n '$(STB)' ] || missing="$$missing libstb-dev"; \
	[ -n "$$missing" ] || { echo 'everything is there'; exit 0; }; \
	if ! command -v apt-get >/dev/null 2>&1; then \
	    echo "missing here:$$missing (these are the names of Debian packages)." >&2; \
	    echo 'Please install a C11 compiler, ar, and stb_ds.h (https://github.com/nothings/stb);' >&2; \
	    echo 'if stb_ds.h lies in an unusual folder: make STB=<that folder>' >&2; exit 1; fi; \
	root=; [ "$$(id -u)" -eq 0 ] || root=sudo; \
	echo "installing$$missing"; \
	$$root apt-get update && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing

# --- Installing --------------------------------------------------------------------------------------------

# Programs are installed as firstmover-train and so on: plain names such as `play` belong to others already.
TO := $(DESTDIR)$(PREFIX)

define PKG_CONFIG_FILE
prefix=$(subst $(space),\$(space),$(PREFIX))
includedir=$${prefix}/include
libdir=$${prefix}/lib

Name: firstmover
Description: Deep multi-agent reinforcement learning for leaders and followers
Version: $(VERSION)
Cflags: -I$${includedir}/firstmover$(if $(filter double,$(REAL)), -DFM_DOUBLE)
Libs: -L$${libdir} -lfirstmover -pthread $(LIBS)
endef
export PKG_CONFIG_FILE

install: all
	@mkdir -p "$(TO)/bin" "$(TO)/lib/pkgconfig" "$(TO)/include/firstmover"
	@for p in $(PROGRAMS); do install -m 755 $(O)/bin/$$p "$(TO)/bin/$(PROGRAM_PREFIX)$$p" || exit 1; done
	@install -m 644 $(LIB) "$(TO)/lib/libfirstmover.a"
	@for h in $(HEADERS); do mkdir -p "$(TO)/include/firstmover/$${h%/*}" && \
	    install -m 644 $$h "$(TO)/include/firstmover/$$h" || exit 1; done
	@printf '%s\n' "$$PKG_CONFIG_FILE" >"$(TO)/lib/pkgconfig/firstmover.pc"
	@echo 'installed under $(TO)'

uninstall:
	rm -f $(foreach p,$(PROGRAMS),"$(TO)/bin/$(PROGRAM_PREFIX)$(p)")
	rm -f "$(TO)/lib/libfirstmover.a" "$(TO)/lib/pkgconfig/firstmover.pc"
	rm -rf "$(TO)/include/firstmover"

clean:
	rm -rf build $(PROGRAMS)

help:
	@echo 'make                    the library and the programs: $(PROGRAMS)'
	@echo 'make deps               installs what the build needs, where something is missing'
	@echo 'make test               builds and runs all tests; T="word ..." picks, SKIP="word ..." leaves out'
	@echo 'make attack             kills, damages, full disks, limits: ROUNDS=500 of what the tests do once'
	@echo 'make mutants            seeds faults into a copy of the tree, each of which must make a test fail'
	@echo 'make bench              builds and runs the benchmark; ARGS="..." goes to it'
	@echo 'make peers              times other frameworks on the same work'
	@echo 'make install            to PREFIX (/usr/local), DESTDIR; programs get PROGRAM_PREFIX (firstmover-)'
	@echo 'make uninstall          takes that away again'
	@echo 'make clean              removes everything that was built'
	@echo 'Variants, each with its own build folder: CC=clang, WERROR=1 (warnings are errors),'
	@echo 'SAN=1 (address and undefined-behaviour sanitizers), REAL=double. CFLAGS, LDFLAGS are added.'
	@echo 'V=1 shows the commands.'
