using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Cloister.Cli.Metrics;
using Cloister.Cli.Tests.Deploy;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>Real scrapes of real programs against docs/metrics.md, Prometheus' linter, and what must not be in them.</summary>
public sealed partial class ScrapeTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Programs_serve_what_the_document_says_nothing_secret_and_probes_whatever_host_is_named()
    {
        await using ObservedStack stack = await ObservedStack.StartAsync("--report", "DIR/coverage.json", "--report", "DIR/rotation.json", "--report", "DIR/missing.json");
        (await CliProcess.RunAsync("probe", "--socket", stack.RelaySocket, "--api", "v2", "--count", "3")).MustSucceed();
        const string Planted = "PLANTED-SECRET-0123456789";
        using (Dev.GatewayClient gateway = stack.ThroughGateway())
        {
            await gateway.PutAsync("/registry/secrets/default/db", Planted);
            Assert.Equal(Planted, await gateway.GetAsync("/registry/secrets/default/db"));
        }

        await stack.ReportAsync("coverage.json", "coverage", "--socket", stack.KmsSocket, "--require", "current");
        await stack.ReportAsync("rotation.json", "rotation", "status", "--socket", stack.KmsSocket, "--secrets-socket", stack.Folder["d/secrets.sock"]);
        (await CliProcess.RunAsync(["enclaves", "revoke", "--kind", "platform", "--value", "00ff", "--reason", "a test", .. stack.BrokerOptions])).MustSucceed();
        string broker = "";
        await Eventually.TrueAsync(
            async () => (broker = await stack.ScrapeBrokerAsync()).Contains("cloister_broker_revocations{kind=\"platform\"} 1\n", StringComparison.Ordinal), "the broker has looked", TimeSpan.FromMinutes(1));
        string exporter = await stack.ScrapeExporterAsync();
        string relay = await stack.ScrapeRelayAsync();

        string document = await File.ReadAllTextAsync(Path.Combine(Programs.RepositoryRoot, "docs", "metrics.md"), Stop);
        List<string> differences = [];
        foreach ((string section, string scrape) in new[] { ("Enclave and gateway", exporter), ("Relay", relay), ("Broker", broker) })
        {
            differences.AddRange(Differences(document, section, scrape));
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.Matches(@"cloister_gateway_values_total\{socket=""[^""]*"",result=""encrypted""\} [1-9]", exporter);
        Assert.Matches(@"cloister_gateway_etcd_duration_seconds_count\{[^}]*\} [1-9]", exporter);
        Assert.Matches(@"cloister_requests_total\{[^}]*role=""kms"",method=""v2.KeyManagementService/Encrypt"",code=""OK""\} [1-9]", exporter);
        Assert.Contains("report=\"missing\"} 0\n", exporter, StringComparison.Ordinal);
        Assert.Contains("cloister_coverage_ok{report=\"coverage\"} 1\n", exporter, StringComparison.Ordinal);
        Assert.Contains("cloister_rotation_stage{report=\"rotation\",stage=\"Complete\"} 1\n", exporter, StringComparison.Ordinal);
        Assert.Matches(@"cloister_broker_evidence_total\{tee=""sgx"",policy=""dev"",result=""accepted"",step=""""\} [1-9]", broker);
        Assert.Contains("cloister_broker_versions_without_shares 1\n", broker, StringComparison.Ordinal);

        // The key's hash is the same on both sides, so that series join; the key_id itself is nowhere, nor are keys and Secrets.
        string hash = HashOf(exporter, "cloister_active_key_info");
        Assert.Equal(hash, HashOf(broker, "cloister_broker_active_key_timestamp_seconds"));
        string keyId = (string)(await CliProcess.RunAsync("kek", "list", "--admin-socket", stack.AdminSocket, "-o", "json")).MustSucceed().Json["activeKeyId"]!;
        Assert.Equal(hash, MetricsText.Hash(keyId));
        byte[] root = await File.ReadAllBytesAsync(stack.Folder["d/broker/UNPROTECTED-root.key"], Stop);
        string all = exporter + relay + broker;
        Assert.All(SecretForms.Of(Encoding.ASCII.GetBytes(Planted), root).Append(keyId), form => Assert.DoesNotContain(form, all, StringComparison.OrdinalIgnoreCase));

        if (DeployFiles.Has("promtool"))
        {
            foreach (string scrape in new[] { exporter, relay, broker })
            {
                await LintAsync(stack, scrape);
            }
        }

        await AssertProbesAsync(stack);
    }

    private static async Task AssertProbesAsync(ObservedStack stack)
    {
        foreach ((string address, bool tls) in new[] { (stack.ExporterAddress, false), (stack.RelayAddress, false), (stack.BrokerAddress, true) })
        {
            Assert.Equal((HttpStatusCode.OK, "ok\n"), await AskAsync(address, "/livez", tls));
            Assert.Equal((HttpStatusCode.OK, "ok\n"), await AskAsync(address, "/readyz", tls));
        }

        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(stack.ExporterAddress, "/", false)).Status);
        await stack.StopEnclaveAsync();
        Assert.Equal((HttpStatusCode.ServiceUnavailable, $"no answer: {stack.AdminSocket}\n"), await AskAsync(stack.ExporterAddress, "/readyz", false));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await AskAsync(stack.RelayAddress, "/readyz", false)).Status);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(stack.ExporterAddress, "/livez", false)).Status);
    }

    private static async Task<(HttpStatusCode Status, string Body)> AskAsync(string address, string path, bool tls)
    {
        using HttpResponseMessage answer = await ObservedStack.GetAsync(address, path, tls);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Stop));
    }

    // Rows "| `name` | type | labels | help |" of a section against the families of a scrape; what is missing is shown as the row that it should be.
    private static IEnumerable<string> Differences(string document, string section, string scrape)
    {
        string text = document.Split($"\n## {section}\n")[1].Split("\n## ")[0];
        Dictionary<string, (string Type, string[] Labels, string Help)> rows = Row().Matches(text).ToDictionary(
            row => row.Groups[1].Value,
            row => (row.Groups[2].Value, Name().Matches(row.Groups[3].Value).Select(name => name.Groups[1].Value).ToArray(), row.Groups[4].Value));
        IReadOnlyList<Exposition> families = Exposition.Read(scrape);
        foreach (Exposition family in families)
        {
            string expected = $"| `{family.Name}` | {family.Type} | {string.Join(", ", (family.Labels ?? []).Select(label => $"`{label}`"))} | {family.Help} |";
            if (!rows.TryGetValue(family.Name, out (string Type, string[] Labels, string Help) row) || row.Type != family.Type || row.Help != family.Help
                || (family.Labels is { } labels && !labels.All(label => row.Labels.Contains(label))))
            {
                yield return $"{section}: {expected}";
            }
        }

        foreach (string name in rows.Keys.Except(families.Select(family => family.Name)))
        {
            yield return $"{section}: {name} is served by nobody";
        }
    }

    private static async Task LintAsync(ObservedStack stack, string scrape)
    {
        string file = stack.Folder["scrape"];
        await File.WriteAllTextAsync(file, scrape, Stop);
        CliResult lint = await DeployFiles.RunAsync("bash", "-c", "promtool check metrics < \"$0\"", file);
        Assert.True(lint.ExitCode == 0, lint.Output + lint.Errors);
    }

    private static string HashOf(string scrape, string metric) => Regex.Match(scrape, metric + """\{[^}]*key_id_hash="(sha256:[0-9a-f]{64})""").Groups[1].Value;

    [GeneratedRegex("^\\| `([a-z_]+)` \\| (counter|gauge|histogram) \\| (.*?) \\| (.*) \\|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([a-z_]+)`")]
    private static partial Regex Name();
}
