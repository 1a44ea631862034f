using Cloister.Enclave.Configuration;

namespace Cloister.Enclave.Tests.Configuration;

/// <summary>YAML that is not what a configuration may be.</summary>
public sealed class ConfigurationDocumentTests
{
    [Theory]
    [InlineData("", 1, "one YAML document")]
    [InlineData("# only a comment", 1, "one YAML document")]
    [InlineData("- a\n- b", 1, "one YAML document")]
    [InlineData("text", 1, "one YAML document")]
    [InlineData("a: 1\n---\nb: 2", 2, "more than one document")]
    [InlineData("a: 1\nb: 2\na: 3", 3, "uplicate key")]
    [InlineData("a:\n  b: 1\n  b: 2", 3, "uplicate key")]
    [InlineData("a: &x 1\nb: *x", 1, "anchors are not accepted")]
    [InlineData("a: 1\nb: *x", 2, "aliases are not accepted")]
    [InlineData("a: 1\nb: !!binary aGVsbG8=", 2, "tags are not accepted")]
    [InlineData("a: !custom 1", 1, "tags are not accepted")]
    [InlineData("&x a: 1", 1, "anchors are not accepted")]
    [InlineData("a: [1, 2", 2, "not YAML")]
    [InlineData("a: 1\n\tb: 2", 1, "not YAML")]
    [InlineData("a: \"unclosed", 1, "not YAML")]
    [InlineData("a: b: c", 1, "not YAML")]
    [InlineData("{", 2, "not YAML")]
    [InlineData("\0", 1, "")]
    public void Is_refused_with_its_line(string text, int line, string words)
    {
        ConfigurationError error = Assert.Single(Errors(text));
        Assert.Equal(line, error.Line);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{a: ", "}")]
    [InlineData("{? ", "}")]
    [InlineData("[[{a: [", "]}]]")]
    public void Deep_nesting_is_refused_without_recursion(string open, string close)
    {
        const int Depth = 10_000;
        string nested = string.Concat(Enumerable.Repeat(open, Depth / open.Length)) + string.Concat(Enumerable.Repeat(close, Depth / open.Length));
        Assert.Contains("levels", Assert.Single(Errors("a: " + nested)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_block_nesting_is_refused()
    {
        string nested = string.Concat(Enumerable.Range(0, 300).Select(depth => $"{new string(' ', depth)}a:\n"));
        Assert.Contains("levels", Assert.Single(Errors(nested)).Message, StringComparison.Ordinal);
        Assert.Contains("levels", Assert.Single(Errors(string.Concat(Enumerable.Repeat("- ", 10_000)))).Message, StringComparison.Ordinal);
    }

    // Stream, document and root mapping are three of them.
    [Fact]
    public void Sixteen_levels_are_accepted()
    {
        string Nested(int depth) => "a: " + new string('[', depth) + new string(']', depth);
        ConfigurationDocument.Parse(Nested(13));
        Assert.Contains("levels", Assert.Single(Errors(Nested(14))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: ")]
    [InlineData("#")]
    [InlineData("a: |\n  ")]
    public void What_is_too_large_is_refused(string start)
    {
        string text = start + new string('x', (64 * 1024) - start.Length);
        Assert.Contains("longer than 65536 characters", Assert.Single(Errors(text + "x")).Message, StringComparison.Ordinal);
        Assert.Contains("longer than 65536 characters", Assert.Single(Errors(start + new string('x', 10_000_000))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_is_no_text_is_unknown()
    {
        ConfigurationDocument document = ConfigurationDocument.Parse("? [a, b]\n: 1\n? {c: d}\n: 2");
        document.Root.RefuseUnknown();
        ConfigurationException refused = Assert.Throws<ConfigurationException>(document.ThrowIfFailed);
        Assert.Equal([1, 3], refused.Errors.Select(error => error.Line));
    }

    private static IReadOnlyList<ConfigurationError> Errors(string text) =>
        Assert.Throws<ConfigurationException>(() => ConfigurationDocument.Parse(text)).Errors;
}
