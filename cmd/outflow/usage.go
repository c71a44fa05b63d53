package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/outflow/outflow/internal/plain"
)

// usageError is an error of usage, with the command whose help describes what is right.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf("%w\nSee '%s --help'", fmt.Errorf(format, args...), cmd.CommandPath())}
}

// usage makes errors about arguments errors of usage, in the words of the command's synopsis.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		if cmd.HasSubCommands() {
			return unknownCommand(cmd, args[0])
		}
		names := operands(cmd)
		for i, name := range names {
			if i >= len(args) && !strings.HasPrefix(name, "[") {
				return usageError(cmd, "%s is missing: %s", strings.TrimSuffix(name, "..."), cmd.UseLine())
			}
		}
		return usageError(cmd, "unexpected argument %q: %s", plain.Escape(args[min(len(names), len(args)-1)]), cmd.UseLine())
	}
}

// operands are the arguments in the synopsis of a command, without its flags: optional ones are in
// brackets.
func operands(cmd *cobra.Command) (names []string) {
	words := strings.Fields(cmd.Use)[1:]
	for i := 0; i < len(words); i++ {
		if strings.HasPrefix(strings.TrimPrefix(words[i], "["), "--") {
			i++ // the value of the flag
			continue
		}
		names = append(names, words[i])
	}
	return names
}

// unknownCommand is the error for a command that does not exist, with those that may be meant.
func unknownCommand(cmd *cobra.Command, name string) error {
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	hint := ""
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		hint = fmt.Sprintf(": did you mean %s?", strings.Join(near, ", "))
	}
	return usageError(cmd, "there is no command %q%s", strings.TrimPrefix(cmd.CommandPath()+" ", "outflow ")+plain.Escape(name), hint)
}

// paths wants paths, none of them empty: "" is what an unset variable in quotes becomes.
func paths(cmd *cobra.Command, args []string) error {
	if err := usage(cobra.MinimumNArgs(1))(cmd, args); err != nil {
		return err
	}
	if slices.Contains(args, "") {
		return usageError(cmd, "a PATH is empty: write . for the current folder")
	}
	return nil
}

// group is what a command does that only has subcommands.
func group(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(cmd.ErrOrStderr())
	if err := cmd.Help(); err != nil {
		return err
	}
	return &exit{code: exitUsage}
}

// wanted says what the value of a flag has to be, by the type of the flag.
var wanted = map[string]string{
	"float64": "a number",
	"int":     "a whole number",
	"bool":    "true or false",
}

// flagError is an error about a flag.
func flagError(cmd *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		if bad.GetFlag().Value.Type() == "duration" {
			return usageError(cmd, "--%s %w", bad.GetFlag().Name, bad.Unwrap())
		}
		want := bad.Unwrap().Error()
		if w := wanted[bad.GetFlag().Value.Type()]; w != "" {
			want = w + " is required"
		}
		return usageError(cmd, "--%s %q: %s", bad.GetFlag().Name, plain.Escape(bad.GetValue()), want)
	}
	return usageError(cmd, "%w", err)
}

// helpFor makes help about a command that does not exist an error, rather than the help of the command
// above it. The error is in *wrong once the command has run.
func helpFor(root *cobra.Command, wrong *error) {
	print := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if rest := cmd.Flags().Args(); cmd.HasSubCommands() && len(rest) > 0 {
			*wrong = unknownCommand(cmd, rest[0])
			return
		}
		print(cmd, args)
	})
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if cmd, rest, err := root.Find(args); err == nil && len(rest) == 0 {
				for _, sub := range cmd.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, _ := root.Find(args)
			if cmd.HasSubCommands() && len(rest) > 0 {
				return unknownCommand(cmd, rest[0])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	})
}
