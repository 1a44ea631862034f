using System.Security.Cryptography;
using Cloister.Cli.Config;
using Cloister.Cli.RollOut;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.RollOut;

/// <summary>Which step of a roll-out may be next, from what API servers say. Real ones are asked in tests/Cloister.Conformance.</summary>
public sealed class RolloutPlanTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("none none none", "readers", "a b c")]
    [InlineData("readers none none", "readers", "b c")]
    [InlineData("readers readers readers", "writers", "a b c")]
    [InlineData("writers readers readers", "writers", "b c")]
    [InlineData("writers none readers", "readers", "b")]
    [InlineData("sealed readers readers", "writers", "b c")]
    [InlineData("sealed sealed sealed", "", "")]
    public void Forward_those_that_are_least_far_go_one_phase_on(string phases, string target, string servers) => Same(phases, back: false, target, servers);

    [Theory]
    [InlineData("sealed sealed sealed", "writers", "a b c")]
    [InlineData("sealed writers writers", "writers", "a")]
    [InlineData("writers readers readers", "readers", "a")]
    [InlineData("readers readers readers", "none", "a b c")]
    [InlineData("none none none", "", "")]
    public void Back_those_that_are_furthest_go_one_phase_back(string phases, string target, string servers) => Same(phases, back: true, target, servers);

    [Fact]
    public void Two_steps_apart_are_never_planned()
    {
        // Every state that can be reached from none and from sealed by any one of the planned steps at a time.
        HashSet<(Phase, Phase, Phase)> seen = [(Phase.None, Phase.None, Phase.None)];
        Queue<(Phase, Phase, Phase)> open = new(seen);
        while (open.TryDequeue(out (Phase A, Phase B, Phase C) state))
        {
            foreach (bool back in (bool[])[false, true])
            {
                RolloutPlan plan = RolloutPlan.For(RolloutPlan.ToPlugin, [Server("a", state.A), Server("b", state.B), Server("c", state.C)], back, null);
                foreach (string name in plan.Servers)
                {
                    Phase to = plan.Target!.Value;
                    (Phase, Phase, Phase) next = name switch { "a" => (to, state.B, state.C), "b" => (state.A, to, state.C), _ => (state.A, state.B, to) };
                    Phase[] all = [next.Item1, next.Item2, next.Item3];
                    Assert.True(all.Max() - all.Min() <= 1, $"{state} -> {next}");
                    if (seen.Add(next))
                    {
                        open.Enqueue(next);
                    }
                }
            }
        }

        Assert.Equal(4 + (3 * 6), seen.Count);
    }

    [Theory]
    [InlineData("none none none", false, "readers", "a b c")]
    [InlineData("readers none readers", false, "readers", "b")]
    [InlineData("gateway readers readers", false, "gateway", "b c")]
    [InlineData("gateway gateway gateway", false, "", "")]
    [InlineData("gateway gateway readers", true, "readers", "a b")]
    [InlineData("readers readers readers", true, "none", "a b c")]
    public void To_a_gateway_readers_come_first_too(string phases, bool back, string target, string servers) => Same(phases, back, target, servers, gateway: true);

    [Fact]
    public void What_encrypts_itself_goes_back_before_it_gets_a_gateway()
    {
        RolloutPlan plan = RolloutPlan.For(RolloutPlan.ToGateway, [Server("a", Phase.Readers), Server("b", Phase.Writers)], back: false, null);
        Assert.Null(plan.Target);
        Assert.Contains("b: phase writers is not on the way to a gateway", Assert.Single(plan.Refusals), StringComparison.Ordinal);
        Assert.Null(Server("a", Phase.Writers).Behind(true, "").Phase);
        Assert.Equal(Phase.Gateway, Server("a", Phase.None).Behind(true, "").Phase);
        Assert.Equal(Phase.Readers, Server("a", Phase.Readers).Behind(false, "").Phase);
        Assert.Contains("cannot be told: refused", Server("a", Phase.Readers).Behind(null, "refused").Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_known_is_refused()
    {
        ApiServerView good = Server("a", Phase.Readers), other = Server("b", Phase.Readers);
        Refused([good, other with { Phase = null, Problem = "it does not answer" }], false, null, "b: it does not answer");
        Refused([good, other with { Phase = null, Problem = "it does not answer" }], true, null, "b: it does not answer");
        Refused([good, other with { Problem = "it is not ready" }], false, null, "b: it is not ready");
        Assert.Empty(RolloutPlan.For(RolloutPlan.ToPlugin, [good, other with { Problem = "it is not ready" }], back: true, null).Refusals);
        Refused([good, other with { Started = good.Started, Id = good.Id }], false, null, "the same API server answers");
        Refused([good, other with { KeyIdHash = "sha256:2" }], false, null, "different key_ids");
        Refused([good, other], false, [good.Id, other.Id, "sha256:c"], "leases of 3 API servers and 2 are named");
        Refused([good, other], false, [good.Id, "sha256:c"], "b: the cluster of --kubeconfig has no lease of it");
        Assert.Empty(RolloutPlan.For(RolloutPlan.ToPlugin, [good, other], back: false, [good.Id, other.Id]).Refusals);
    }

    [Fact]
    public async Task Metrics_say_which_of_the_files_is_in_force()
    {
        PhaseFiles files = await FilesAsync();
        string hash = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(_folder["writers.yaml"], TestContext.Current.CancellationToken)))}";
        const string Start = "process_start_time_seconds 1.5e+09\n";
        string configuration = $"# HELP x\napiserver_encryption_config_controller_last_config_info{{apiserver_id_hash=\"sha256:i\",hash=\"{hash}\"}} 1\n";
        const string Keys =
            "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds{apiserver_id_hash=\"sha256:i\",key_id_hash=\"sha256:new\",provider_name=\"tee\"} 1.7e+09\n"
            + "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds{apiserver_id_hash=\"sha256:i\",key_id_hash=\"sha256:old\",provider_name=\"tee\"} 1.6e+09\n"
            + "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds{apiserver_id_hash=\"sha256:i\",key_id_hash=\"sha256:x\",provider_name=\"other\"} 1.8e+09\n";
        Assert.Equal(new ApiServerView("a", "u", Phase.Writers, "", "sha256:i", "1.5e+09", "sha256:new"), ApiServerView.Of("a", "u", configuration + Start + Keys, "", files));
        Assert.Equal(Phase.None, ApiServerView.Of("a", "u", Start, "", files).Phase);
        Assert.Contains("none of the files", ApiServerView.Of("a", "u", Start + configuration.Replace(hash, "sha256:00", StringComparison.Ordinal), "", files).Problem, StringComparison.Ordinal);
        Assert.Null(ApiServerView.Of("a", "u", "<html>", "", files).Phase);
    }

    [Fact]
    public async Task Files_are_the_phases_that_their_names_say()
    {
        await FilesAsync();
        File.Copy(_folder["writers.yaml"], _folder["sealed.yaml"], overwrite: true);
        Assert.Contains("phase sealed is kms", Assert.Throws<CliException>(() => PhaseFiles.Read(_folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder["sealed.yaml"], EncryptionConfigurationFile.Text("/run/kms.sock", "other", "v2", ["secrets"], "sealed"));
        Assert.Contains("in another phase", Assert.Throws<CliException>(() => PhaseFiles.Read(_folder.Path)).Message, StringComparison.Ordinal);
        File.Delete(_folder["sealed.yaml"]);
        Assert.Contains("is not there", Assert.Throws<CliException>(() => PhaseFiles.Read(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Leases_are_the_identities_that_metrics_hash()
    {
        Assert.Equal(
            [$"sha256:{Convert.ToHexStringLower(SHA256.HashData("apiserver-x"u8))}"], Kubectl.Identities("""{"kind":"LeaseList","items":[{"metadata":{"name":"apiserver-x"},"spec":{}}]}"""));
        Assert.Throws<CliException>(() => Kubectl.Identities("""{"items":[]}"""));
        Assert.Throws<CliException>(() => Kubectl.Identities("""{"kind":"Status"}"""));
        Assert.Throws<CliException>(() => Kubectl.Identities("no"));
    }

    [Theory]
    [InlineData("v1.34.0", true)]
    [InlineData("v1.36.4+k3s1", true)]
    [InlineData("v1.33.9", false)]
    [InlineData("v2.0.0", false)]
    [InlineData("", false)]
    public void Without_the_metric_an_older_API_server_is_not_one_without_encryption(string version, bool tells) =>
        Assert.Equal(tells, Kubectl.Tells($$"""{"major": "1", "gitVersion": "{{version}}"}"""));

    private static void Same(string phases, bool back, string target, string servers, bool gateway = false)
    {
        Phase[] all = [.. phases.Split(' ').Select(name => Enum.Parse<Phase>(name, ignoreCase: true))];
        RolloutPlan plan = RolloutPlan.For(gateway ? RolloutPlan.ToGateway : RolloutPlan.ToPlugin, [Server("a", all[0]), Server("b", all[1]), Server("c", all[2])], back, null);
        Assert.Empty(plan.Refusals);
        Assert.Equal((target, servers), (plan.Target is { } to ? PhaseFiles.NameOf(to) : "", string.Join(' ', plan.Servers)));
    }

    private static void Refused(ApiServerView[] servers, bool back, string[]? identities, string because) =>
        Assert.Contains(RolloutPlan.For(RolloutPlan.ToPlugin, servers, back, identities).Refusals, refusal => refusal.Contains(because, StringComparison.Ordinal));

    private static ApiServerView Server(string name, Phase phase) => new(name, $"https://{name}", phase, "", $"sha256:{name}", name, "sha256:1");

    private async Task<PhaseFiles> FilesAsync()
    {
        foreach (string phase in (string[])["readers", "writers", "sealed"])
        {
            await File.WriteAllTextAsync(_folder[$"{phase}.yaml"], EncryptionConfigurationFile.Text("/run/kms.sock", "tee", "v2", ["secrets"], phase), TestContext.Current.CancellationToken);
        }

        return PhaseFiles.Read(_folder.Path);
    }
}
