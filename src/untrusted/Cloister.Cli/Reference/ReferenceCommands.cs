using System.CommandLine;

namespace Cloister.Cli.Reference;

/// <summary>What is made from the command tree: <c>cloister completion</c>, and the manual pages that packages carry.</summary>
internal static class ReferenceCommands
{
    /// <summary>Adds the commands to a program whose other commands are all there.</summary>
    internal static void AddTo(RootCommand root)
    {
        root.Add(CreateCompletion(root));
        root.Add(CreateManPages(root));
    }

    private static Command CreateCompletion(RootCommand root)
    {
        Argument<string> shell = new("shell") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        Command command = new("completion", "Print a completion script for a shell: source it, or put it where the shell looks. Packages bring it.") { shell };
        command.SetAction(parsed =>
        {
            CommandNode tree = Tree(root);
            Console.Out.Write(parsed.GetValue(shell) switch
            {
                "bash" => Completion.Bash(tree),
                "zsh" => Completion.Zsh(tree),
                _ => Completion.Fish(tree),
            });
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateManPages(RootCommand root)
    {
        Argument<string> folder = new("folder") { Description = "where the pages go; made if it is not there" };
        Command command = new("man-pages", "Write the manual pages of all commands.") { folder };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            string to = parsed.GetValue(folder)!;
            Directory.CreateDirectory(to);
            foreach ((string name, string text) in ManPage.Of(Tree(root), Version()))
            {
                File.WriteAllText(Path.Combine(to, name), text);
            }

            return ExitCode.Done;
        });
        return command;
    }

    // As a library's default the name of a root is that of the file that runs.
    private static CommandNode Tree(RootCommand root) => new("cloister", root);

    private static string Version() => typeof(ReferenceCommands).Assembly.GetName().Version!.ToString(3);
}
