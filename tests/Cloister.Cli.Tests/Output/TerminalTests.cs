using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Output;

/// <summary>What an operator meets at the terminal.</summary>
public sealed class TerminalTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("C", "dumb", true)]
    [InlineData("C.UTF-8", "xterm", false)]
    public async Task At_80_columns_paths_stay_whole_and_there_are_boxes_only_where_they_show(string locale, string term, bool ascii)
    {
        string socket = _folder["a-name-that-is-long-enough-to-be-broken-by-a-narrow-column.sock"];
        string said = await InTerminalAsync(locale, term, $"'{Programs.Cli}' doctor --only socket-kms,host-disk --socket '{socket}'");
        Assert.Contains(socket, said, StringComparison.Ordinal);
        Assert.Contains("host-disk", said, StringComparison.Ordinal);
        if (ascii)
        {
            Assert.True(said.All(char.IsAscii), said);
        }

        string narrow = await InTerminalAsync(locale, term, $"'{Programs.Cli}' doctor --only host-disk");
        Assert.Equal(!ascii, narrow.Contains('│', StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("'doctr' is no command of 'cloister': did you mean doctor?", "doctr")]
    [InlineData("'lst' is no command of 'cloister kek': did you mean list?", "kek", "lst")]
    [InlineData("'--sokcet' is no option of 'cloister probe': did you mean --socket?", "probe", "--sokcet", "/x")]
    [InlineData("'--endpoint' is no option of 'cloister etcd coverage': did you mean --endpoints?", "etcd", "coverage", "--endpoint", "http://127.0.0.1:1")]
    [InlineData("'--junt' is no option of 'cloister doctor': did you mean --junit?", "doctor", "--junt", "f")]
    [InlineData("'prefight' is no phase: preflight, node, cluster", "doctor", "prefight")]
    [InlineData("'zzzzzz' is no command of 'cloister'\n", "zzzzzz")]
    [InlineData("--count: 'abc': a whole number is expected", "probe", "--socket", "/x", "--count", "abc")]
    [InlineData("--output: 'yaml': one of table, json is expected", "probe", "--socket", "/x", "-o", "yaml")]
    [InlineData("--require: 'all': one of encrypted, provider, current is expected", "etcd", "coverage", "--endpoints", "http://127.0.0.1:1", "--require", "all")]
    public async Task A_mistake_is_named_in_words_with_what_was_probably_meant(string expected, params string[] arguments)
    {
        CliResult result = await CliProcess.RunAsync(arguments);
        result.MustBeRefused(expected);
        Assert.DoesNotContain("System.", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Cloister.", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Required command", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("probe", "<table|json>")]
    [InlineData("doctor", "<table|json|junit>")]
    [InlineData("etcd coverage", "<encrypted|provider|current>")]
    [InlineData("kek list", "--admin-socket")]
    [InlineData("kek import", "--admin-socket")]
    [InlineData("metrics", "--admin-socket")]
    [InlineData("etcd rewrap", "--secrets-socket")]
    public async Task Help_names_values_and_sockets(string verb, string expected)
    {
        CliResult help = (await CliProcess.RunAsync([.. verb.Split(' '), "--help"])).MustSucceed();
        Assert.Contains(expected, help.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", help.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Json|", help.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("[::]", "127.0.0.1")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    public async Task Metrics_are_served_on_all_addresses_too(string listen, string ask)
    {
        int port = Enclaves.LoopbackPort.Free();
        await using CliProcess metrics = CliProcess.Start("metrics", "--admin-socket", _folder["none.sock"], "--listen", $"{listen}:{port}");
        Assert.Equal($"ready http://{listen}:{port}/metrics", await metrics.ReadLineAsync());
        using HttpClient client = new();
        Assert.Contains("cloister_up{", await client.GetStringAsync(new Uri($"http://{ask}:{port}/metrics"), Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_and_an_address_of_another_machine_have_hints_of_their_own()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        (await CliProcess.RunAsync("metrics", "--admin-socket", "/x", "--listen", $"{taken.LocalEndpoint}")).MustBeRefused("another program has that port");
        (await CliProcess.RunAsync("metrics", "--admin-socket", "/x", "--listen", $"192.0.2.1:{((IPEndPoint)taken.LocalEndpoint).Port}")).MustBeRefused("take an address of this machine");
    }

    // A terminal of 80 columns: script(1) makes one.
    private static async Task<string> InTerminalAsync(string locale, string term, string command)
    {
        ProcessStartInfo start = new("script", ["-qec", $"stty cols 80 rows 24; {command}", "/dev/null"]) { RedirectStandardOutput = true, RedirectStandardInput = true };
        (start.Environment["LC_ALL"], start.Environment["TERM"], start.Environment["NO_COLOR"]) = (locale, term, "1");
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        string said = await process.StandardOutput.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        return said.Replace("\r\n", "\n", StringComparison.Ordinal);
    }
}
