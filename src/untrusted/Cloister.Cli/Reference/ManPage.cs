using System.CommandLine;
using System.Text;

namespace Cloister.Cli.Reference;

/// <summary>
/// Manual pages from the command tree: one for the program, one for each verb with all that is below it. The format is man(7), the macros that
/// every reader of manual pages knows.
/// </summary>
internal static class ManPage
{
    /// <summary>The pages: file name (<c>cloister-kek.1</c>) and text.</summary>
    /// <param name="root">The program.</param>
    /// <param name="version">What its <c>--version</c> prints.</param>
    internal static IEnumerable<(string Name, string Text)> Of(CommandNode root, string version)
    {
        yield return ($"{root.Path}.1", Page(root, [root], root.Children, version, root.Path));
        foreach (CommandNode verb in root.Children)
        {
            yield return ($"{PageName(verb)}.1", Page(verb, verb.All, [], version, root.Path));
        }
    }

    private static string PageName(CommandNode node) => node.Path.Replace(' ', '-');

    private static string Page(CommandNode subject, IEnumerable<CommandNode> commands, IEnumerable<CommandNode> others, string version, string program)
    {
        StringBuilder page = new();
        string name = PageName(subject);
        page.Append($".TH {name.ToUpperInvariant().Replace("-", "\\-", StringComparison.Ordinal)} 1 \"\" \"{Text(program)} {Text(version)}\" \"User Commands\"\n");
        page.Append($".SH NAME\n{Text(name)} \\- {Text(Lowered(CommandNode.FirstSentence(subject.Description)))}\n");
        page.Append(".SH SYNOPSIS\n");
        foreach (CommandNode command in commands.Where(command => !command.Children.Any() || command.Path == program))
        {
            page.Append($".nf\n\\fB{Text(command.Path)}\\fR{Usage(command)}\n.fi\n");
        }

        page.Append($".SH DESCRIPTION\n{Text(subject.Description)}\n");
        foreach (CommandNode command in commands)
        {
            Section(page, command, command == subject);
        }

        if (others.Any())
        {
            page.Append(".SH COMMANDS\n");
            foreach (CommandNode other in others)
            {
                page.Append($".TP\n\\fB{Text(PageName(other))}\\fR(1)\n{Text(other.Description)}\n");
            }
        }

        page.Append(".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\nUsage or environment: nothing was decided.\n.TP\n2\nThe answer is no.\n");
        page.Append(".SH SEE ALSO\n");
        page.Append(others.Any() ? string.Join(",\n", others.Select(other => $"\\fB{Text(PageName(other))}\\fR(1)")) + "\n" : $"\\fB{Text(program)}\\fR(1)\n");
        return page.ToString();
    }

    // A command that only holds others has nothing of its own to say.
    private static void Section(StringBuilder page, CommandNode command, bool isSubject)
    {
        if (!isSubject)
        {
            page.Append($".SH {Text(command.Path).ToUpperInvariant()}\n{Text(command.Description)}\n");
        }
        else if (command.Options.Any() || command.Arguments.Any())
        {
            page.Append(".SH OPTIONS\n");
        }

        foreach (Argument argument in command.Arguments)
        {
            page.Append($".TP\n\\fI{Text(argument.Name)}\\fR\n{Text(Said(argument.Description, CommandNode.Values(argument)))}\n");
        }

        foreach (Option option in command.Options)
        {
            string names = string.Join(", ", CommandNode.Names(option).Select(name => $"\\fB{Text(name)}\\fR"));
            string value = CommandNode.TakesValue(option) ? $" \\fI{Text(ValueName(option))}\\fR" : "";
            page.Append($".TP\n{names}{value}{(option.Required ? " (required)" : "")}\n");
            page.Append($"{Text(Said(option.Description, CommandNode.TakesValue(option) ? CommandNode.Values(option) : []))}\n");
        }
    }

    private static string Usage(CommandNode command)
    {
        StringBuilder usage = new();
        foreach (Argument argument in command.Arguments)
        {
            string name = $"\\fI{Text(argument.Name)}\\fR" + (argument.Arity.MaximumNumberOfValues > 1 ? " ..." : "");
            usage.Append(argument.Arity.MinimumNumberOfValues > 0 ? $" {name}" : $" [{name}]");
        }

        foreach (Option option in command.Options.Where(option => option.Required))
        {
            usage.Append($" \\fB{Text(option.Name)}\\fR \\fI{Text(ValueName(option))}\\fR");
        }

        return usage.Append(command.Children.Any() ? " \\fICOMMAND\\fR [\\fIOPTION\\fR]..." : " [\\fIOPTION\\fR]...").ToString();
    }

    private static string ValueName(Option option) => option.HelpName ?? option.Name.TrimStart('-');

    private static string Said(string? description, string[] values) =>
        values.Length == 0 ? description ?? "" : $"{description} [{string.Join(", ", values)}]";

    private static string Lowered(string text) => text.Length > 1 && char.IsLower(text[1]) ? char.ToLowerInvariant(text[0]) + text[1..] : text;

    /// <summary>A text that means itself: no escape, no request, and hyphens that can be copied.</summary>
    internal static string Text(string text)
    {
        string escaped = text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal).ReplaceLineEndings(" ");
        return escaped is ['.' or '\'', ..] ? $"\\&{escaped}" : escaped;
    }
}
