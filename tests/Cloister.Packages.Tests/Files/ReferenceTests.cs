using System.Text.RegularExpressions;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Files;

/// <summary>Completions and manual pages as the package brings them, by the shells and the reader that they are for.</summary>
public sealed partial class ReferenceTests
{
    private string _root = "";

    // Words typed, where the last one is what stands before the cursor; what is offered, in any order, or null: files.
    public static TheoryData<string, string[], string[]> Cases
    {
        get
        {
            TheoryData<string, string[], string[]> cases = [];
            foreach (string shell in (string[])["bash", "zsh", "fish"])
            {
                cases.Add(shell, ["probe", "--api", ""], ["both", "v1", "v2"]);
                cases.Add(shell, ["completion", ""], ["bash", "fish", "zsh"]);
                cases.Add(shell, ["relay", "keyg"], ["keygen"]);

                // The value of an option is no command, also where it has the name of one.
                cases.Add(shell, ["kek", "import", "--name", "list", "--expect-k"], ["--expect-key-id"]);
                cases.Add(shell, ["kek", "import", "--socket", "impor"], []);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_shell_offers_what_can_follow(string shell, string[] words, string[] offered)
    {
        await UnpackAsync(shell);

        // Options are offered by some shells where nothing is typed yet.
        Assert.Equal(offered, (await OfferedAsync(shell, words)).Where(word => words[^1].Length > 0 || word[0] != '-'));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task Every_command_of_the_help_is_offered(string shell)
    {
        await UnpackAsync(shell);
        string[] verbs = await CommandsAsync();
        Assert.True(verbs.Length > 10, string.Join(' ', verbs));
        Assert.Equal(verbs, (await OfferedAsync(shell, [""])).Where(word => word[0] != '-'));
        string[] below = await CommandsAsync("kek");
        Assert.True(below.Length > 3, string.Join(' ', below));
        Assert.Equal(below, (await OfferedAsync(shell, ["kek", ""])).Where(word => word[0] != '-'));
    }

    [Fact]
    public async Task A_manual_page_has_each_verb_and_each_option_of_its_help_and_nothing_that_a_reader_complains_about()
    {
        await UnpackAsync("man");
        string pages = $"{_root}/usr/share/man/man1";
        string main = await ReadPageAsync($"{pages}/cloister.1.gz");
        foreach (string verb in await CommandsAsync())
        {
            Assert.Contains($"cloister-{verb}(1)", main, StringComparison.Ordinal);
            string page = await ReadPageAsync($"{pages}/cloister-{verb}.1.gz");
            foreach (string[] path in (string[][])[[verb], .. (await CommandsAsync(verb)).Select(below => (string[])[verb, below])])
            {
                string help = await HelpAsync(path);
                Assert.All(OptionName().Matches(help).Select(match => match.Value), option => Assert.True(option == "--help" || page.Contains(option, StringComparison.Ordinal), $"{verb}: {option}"));
            }
        }
    }

    private static async Task<string> ReadPageAsync(string path)
    {
        Said said = await Shell.BashAsync($"MANROFFSEQ= MANWIDTH=4000 LC_ALL=C.UTF-8 man --warnings -P cat -l '{path}'");
        Assert.Equal("", said.Errors);
        return said.MustSucceed();
    }

    private Task<string> HelpAsync(params string[] path) => CliAsync([.. path, "--help"]);

    private async Task<string> CliAsync(string[] arguments) => (await Shell.RunAsync($"{_root}/usr/lib/cloister/cloister", arguments)).MustSucceed();

    private async Task<string[]> CommandsAsync(params string[] path)
    {
        string help = await HelpAsync(path);
        int at = help.IndexOf("\nCommands:\n", StringComparison.Ordinal);
        return at < 0 ? [] : [.. CommandName().Matches(help[at..]).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)];
    }

    private async Task UnpackAsync(string needs)
    {
        Built.SkipUnlessThere();
        Assert.SkipUnless(Shell.Has(needs), $"{needs} is not installed");
        _root = await Built.CommandAsync();
    }

    private async Task<string[]> OfferedAsync(string shell, string[] words)
    {
        string share = $"{_root}/usr/share";
        string[] typed = [.. words.Select(word => $"'{word}'")];
        string script = shell switch
        {
            "bash" => $"source {share}/bash-completion/completions/cloister; COMP_WORDS=(cloister {string.Join(' ', typed)}); COMP_CWORD={words.Length}; _cloister; printf '%s\\n' \"${{COMPREPLY[@]}}\"",

            // What zsh's own functions get to show, before they match it with what is typed.
            "zsh" => $"compdef() {{ }}; _files() {{ }}; _describe() {{ for it in \"${{(@P)2}}\"; do [[ $it == {typed[^1]}* ]] && print -r -- ${{it%%:*}}; done }}; "
                + $"source {share}/zsh/vendor-completions/_cloister; words=(cloister {string.Join(' ', typed)}); CURRENT={words.Length + 1}; PREFIX={typed[^1]}; _cloister; true",
            _ => $"source {share}/fish/vendor_completions.d/cloister.fish; complete -C 'cloister {string.Join(' ', words)}'",
        };
        Said said = await Shell.RunAsync(shell, shell switch { "zsh" => ["-f", "-c", script], "fish" => ["--no-config", "-c", script], _ => ["--norc", "-c", script] });
        Assert.Equal("", said.Errors);
        return [.. said.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0]).Order(StringComparer.Ordinal)];
    }

    [GeneratedRegex(@"^  ([a-z][a-z-]*) ", RegexOptions.Multiline)]
    private static partial Regex CommandName();

    [GeneratedRegex(@"(?<=^  (?:-\w, )*)--[a-z][a-z0-9-]*", RegexOptions.Multiline)]
    private static partial Regex OptionName();
}
