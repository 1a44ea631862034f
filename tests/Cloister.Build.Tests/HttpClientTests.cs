using System.Text.RegularExpressions;

namespace Cloister.Build.Tests;

/// <summary>
/// Each HTTP client of the programs says what it does with proxies, redirects, cookies and time-outs: .NET's defaults take proxies from the
/// environment, also for a unix socket, follow redirects, and wait for ever.
/// </summary>
public sealed partial class HttpClientTests
{
    private static readonly string[] Said = ["UseProxy = ", "UseCookies = false", "AllowAutoRedirect = false", "ConnectTimeout = "];

    [Fact]
    public void Every_handler_says_what_it_does()
    {
        List<string> handlers = [];
        List<string> wrong = [];
        foreach (string file in Sources())
        {
            string text = File.ReadAllText(file);
            foreach (Match made in Handler().Matches(text))
            {
                handlers.Add(file);
                string initializer = Initializer(text, made.Index + made.Length);
                wrong.AddRange(Said.Where(said => !initializer.Contains(said, StringComparison.Ordinal)).Select(said => $"{file}: a SocketsHttpHandler without '{said}'"));
            }
        }

        Assert.Empty(wrong);
        Assert.True(handlers.Count >= 8, "the handlers that there are were not found");
    }

    [Fact]
    public void There_are_no_other_handlers_and_no_client_or_channel_without_one()
    {
        List<string> wrong = [];
        foreach (string file in Sources())
        {
            string text = File.ReadAllText(file);
            wrong.AddRange(WithoutHandler().Matches(text).Select(match => $"{file}: {match.Value}"));
            wrong.AddRange(Channel().Matches(text).Where(match => !Argument(text, match.Index + match.Length).Contains("HttpHandler = ", StringComparison.Ordinal)).Select(match => $"{file}: {match.Value} without HttpHandler"));
        }

        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("new HttpClient()", true)]
    [InlineData("new HttpClientHandler { }", true)]
    [InlineData("private readonly HttpClient _etcd = new();", true)]
    [InlineData("HttpClient client = new();", true)]
    [InlineData("HttpClient client = new() { Timeout = x };", true)]
    [InlineData("new WebClient()", true)]
    [InlineData("HttpClient client = new(handler);", false)]
    [InlineData("new HttpClient(handler)", false)]
    public void What_has_no_handler_is_found(string code, bool isFound) => Assert.Equal(isFound, WithoutHandler().IsMatch(code));

    private static IEnumerable<string> Sources() => Directory.EnumerateFiles(Path.Combine(ScratchRepository.Original, "src"), "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    // From the opening brace to the one that closes it.
    private static string Initializer(string text, int from) => Between(text, from, '{', '}');

    private static string Argument(string text, int from) => Between(text, from - 1, '(', ')');

    private static string Between(string text, int from, char open, char close)
    {
        int start = text.IndexOf(open, from);
        int depth = 0;
        for (int i = start; i >= 0 && i < text.Length; i++)
        {
            depth += text[i] == open ? 1 : text[i] == close ? -1 : 0;
            if (depth == 0)
            {
                return text[start..i];
            }
        }

        return "";
    }

    [GeneratedRegex(@"new SocketsHttpHandler(\(\))?|SocketsHttpHandler \w+ = new\(\)")]
    private static partial Regex Handler();

    [GeneratedRegex(@"new HttpClient\(\)|HttpClient \w+ = new\(\)|new HttpClientHandler|HttpClientHandler \w+ = new|new WebClient|WebRequest\.Create")]
    private static partial Regex WithoutHandler();

    [GeneratedRegex(@"GrpcChannel\.ForAddress\(")]
    private static partial Regex Channel();
}
