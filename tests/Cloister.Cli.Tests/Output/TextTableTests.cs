using Cloister.Cli.Output;

namespace Cloister.Cli.Tests.Output;

/// <summary>Tables: in a terminal of any width, in pipes, and where only ASCII is shown.</summary>
public sealed class TextTableTests
{
    private const string KeyId = "cl1-0123456789abcdef0123456789abcdef0123456789abcdef";
    private const string Path = "/var/lib/kubelet/plugins/cloister/run/kms.sock";

    private static readonly string[] Headers = ["name", "key_id", "where"];
    private static readonly IReadOnlyList<IReadOnlyList<string>> Rows = [["payments", KeyId, Path], ["b", "-", "a few words that may be broken between them, and nowhere else"]];

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(110)]
    [InlineData(130)]
    [InlineData(400)]
    public void Nothing_is_broken_in_the_middle_of_a_word(int width)
    {
        foreach (bool boxes in (bool[])[true, false])
        {
            string text = TextTable.Render(Headers, Rows, new TableTarget(width, boxes));
            Assert.Contains(KeyId, text, StringComparison.Ordinal);
            Assert.Contains(Path, text, StringComparison.Ordinal);
            Assert.All(Rows.SelectMany(row => row).SelectMany(cell => cell.Split(' ')), word => Assert.Contains(word, text, StringComparison.Ordinal));
            int longest = Math.Max(width, Headers.Max(header => header.Length) + 2 + KeyId.Length);
            Assert.All(text.Split('\n'), line => Assert.True(line.Length <= longest, line));
        }
    }

    [Fact]
    public void A_pipe_has_a_row_a_line_in_ASCII()
    {
        string text = TextTable.Render(Headers, Rows, TableTarget.Of(true, () => 80, _ => "en_US.UTF-8"));
        Assert.Equal(3, text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.True(text.All(char.IsAscii));
        Assert.Equal(
            $"name      {"key_id".PadRight(KeyId.Length)}  where\npayments  {KeyId}  {Path}\n",
            string.Concat(text.Split('\n').Take(2).Select(line => line + "\n")));
    }

    [Fact]
    public void Where_nothing_fits_a_row_is_lines_of_name_and_value() => Assert.Equal(
        "name    payments\nkey_id  " + KeyId + "\nwhere   " + Path + "\n\nname    b\nkey_id  -\nwhere   a few words that may be broken\n        between them, and nowhere else\n",
        TextTable.Render(Headers, Rows, new TableTarget(40, true)));

    [Theory]
    [InlineData("xterm-256color", "", "", "de_DE.UTF-8", true)]
    [InlineData("xterm-256color", "", "C.utf8", "", true)]
    [InlineData("dumb", "", "", "de_DE.UTF-8", false)]
    [InlineData("", "", "", "de_DE.UTF-8", false)]
    [InlineData("xterm", "C", "", "de_DE.UTF-8", false)]
    [InlineData("xterm", "POSIX", "", "", false)]
    [InlineData("xterm", "", "", "", false)]
    public void Boxes_are_for_terminals_and_locales_that_have_them(string term, string all, string type, string lang, bool boxes)
    {
        Dictionary<string, string> environment = new() { ["TERM"] = term, ["LC_ALL"] = all, ["LC_CTYPE"] = type, ["LANG"] = lang };
        TableTarget target = TableTarget.Of(false, () => 100, name => environment[name]);
        Assert.Equal(new TableTarget(100, boxes), target);
        Assert.Equal(boxes, !TextTable.Render(Headers, Rows, target with { Width = 400 }).All(char.IsAscii));
    }
}
