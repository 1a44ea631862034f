using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Traces;

/// <summary>Traces of commands and of a broker, as a collector gets them.</summary>
[Collection(nameof(Alone))]
public sealed class TraceTests : IDisposable
{
    private const string Planted = "planted-secret-word";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_command_and_the_brokers_part_of_it_are_one_trace_and_nothing_in_it_is_a_secret()
    {
        using OtlpReceiver collector = new(LoopbackPort.Free());
        string on = $"export CLOISTER_TRACES={collector.Address}";
        JsonNode ready;
        string pins;
        await using (CliProcess dev = CliProcess.StartAfter(on, "dev", "--dir", _folder["d"], "--custody", "attested", "--provider-name", Planted, "--output", "json"))
        {
            ready = JsonNode.Parse((await dev.ReadLineAsync())["ready ".Length..])!;
            JsonNode broker = ready["broker"]!;
            string context = _folder["broker.json"];
            await File.WriteAllTextAsync(context, new JsonObject
            {
                ["broker"] = (string)broker["admin"]!, ["pin"] = (string)broker["pin"]!, ["certificate"] = (string)broker["certificate"]!, ["key"] = (string)broker["key"]!,
            }.ToJsonString(), TestContext.Current.CancellationToken);
            pins = (string)broker["pin"]!;
            await RunAsync(on, 0, "kek", "list", "--context", context);
            await RunAsync(on, 0, "enclaves", "revoke", "--kind", "instance", "--value", Planted, "--reason", Planted, "--context", context);
            await RunAsync(on, 2, "kek", "rotate", "--name", Planted, "--context", context);

            // A command without the variable leaves nothing: the one above stays the only one of its name.
            (await CliProcess.RunAsync("kek", "list", "--context", context)).MustSucceed();
        }

        // The broker has sent what it had when it ended.
        IReadOnlyList<ReceivedSpan> spans = collector.Spans;
        ReceivedSpan list = spans.Single(span => span.Name == "cloister kek list");
        ReceivedSpan call = spans.Single(span => span.Parent == list.Id);
        ReceivedSpan served = spans.Single(span => span.Parent == call.Id);
        Assert.Equal(("cloister", "cloister", "cloister-broker"), (list.Service, call.Service, served.Service));
        Assert.Equal(("0", "200", "200"), (list.Attributes["process.exit.code"], call.Attributes["http.response.status_code"], served.Attributes["http.response.status_code"]));
        Assert.Equal(("GET /admin/v1/keks", "administration"), (served.Name, served.Attributes["cloister.listener"]));
        Assert.Single(spans.Select(span => span.Trace).Where(trace => trace == list.Trace).Distinct());
        Assert.Contains(spans, span => span.Name == "POST /admin/v1/keks/{name}/rotate" && span.Attributes["http.response.status_code"] == "404");

        // The enclave's lease: its parts are in the trace that the broker began, and the enclave itself sends nothing.
        ReceivedSpan lease = spans.First(span => span.Name.EndsWith("/lease", StringComparison.Ordinal));
        Assert.Equal("", lease.Parent);
        Assert.Equal(
            ["appraise evidence", "store the lease", "take KEKs from the key store", "verify evidence"],
            spans.Where(span => span.Trace == lease.Trace && span.Parent == lease.Id).Select(span => span.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(["cloister", "cloister-broker"], spans.Select(span => span.Service).Distinct().Order(StringComparer.Ordinal));
        MustHoldNothing(collector.Everything, pins, await File.ReadAllTextAsync(Path.Combine(_folder["d"], "broker/UNPROTECTED-administrator.key"), TestContext.Current.CancellationToken));
        Assert.Superset(spans.SelectMany(span => span.Attributes.Keys).ToHashSet(), new HashSet<string>
        {
            "cloister.listener", "cloister.result", "http.request.method", "http.response.status_code", "http.route", "process.exit.code", "error.type",
        });
    }

    [Theory]
    [InlineData("not an address")]
    [InlineData("http://collector.example.com:4318")]
    [InlineData("https://user:word@collector.example.com")]
    public async Task An_address_that_is_none_is_said(string address)
    {
        await using CliProcess command = CliProcess.StartAfter($"export CLOISTER_TRACES='{address}'", "config", "validate", "/dev/null");
        await command.WaitForExitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(1, command.ExitCode);
        Assert.Contains("CLOISTER_TRACES is the address of a collector", command.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("user:word", command.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_collector_that_is_away_changes_neither_answer_nor_exit_code()
    {
        await File.WriteAllTextAsync(_folder["e.yaml"], "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: []\n", TestContext.Current.CancellationToken);
        CliResult without = await CliProcess.RunAsync("config", "validate", _folder["e.yaml"]);
        await using CliProcess with = CliProcess.StartAfter($"export CLOISTER_TRACES=http://127.0.0.1:{LoopbackPort.Free()}", "config", "validate", _folder["e.yaml"]);
        string output = await with.ReadToEndAsync();
        await with.WaitForExitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((without.ExitCode, without.Output, without.Errors.Trim()), (with.ExitCode, output, with.Errors.Trim()));
    }

    private static void MustHoldNothing(string everything, string pin, string key)
    {
        Assert.DoesNotContain(Planted, everything, StringComparison.Ordinal);
        Assert.DoesNotContain("eyJ", everything, StringComparison.Ordinal);
        Assert.DoesNotContain(pin, everything, StringComparison.Ordinal);
        Assert.DoesNotContain("127.0.0.1", everything, StringComparison.Ordinal);
        Assert.All(key.Split('\n').Where(line => line.Length > 30), line => Assert.DoesNotContain(line, everything, StringComparison.Ordinal));
        Assert.Contains("cloister-broker", everything, StringComparison.Ordinal);
    }

    private static async Task RunAsync(string on, int exit, params string[] arguments)
    {
        await using CliProcess cli = CliProcess.StartAfter(on, arguments);
        await cli.WaitForExitAsync(TimeSpan.FromMinutes(2));
        Assert.True(cli.ExitCode == exit, cli.Errors);
    }
}
