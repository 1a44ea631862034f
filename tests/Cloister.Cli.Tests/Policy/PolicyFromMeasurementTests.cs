using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Policies;
using Cloister.Broker.Policies;
using Cloister.Cli.Tests.Evidence;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Policy;

public sealed class PolicyFromMeasurementTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    // For each TEE: the least, what has to come with it for a policy without a gap, and the rules that stay open without that.
    public static TheoryData<string, string[], string[], string[]> Measurements => new()
    {
        { "sgx", ["--mrenclave", Hex(32)], [.. Tcb, "--platform", $"ppid={Hex(16)}"], ["tcb.minEvaluationDataNumber", "tcb.minDate", "platforms.allow"] },
        {
            "tdx", ["--mrtd", Hex(48)],
            [.. Tcb, "--rtmr0", Hex(48), "--rtmr1", Hex(48), "--rtmr2", Hex(48), "--xfam", Hex(8), "--platform", $"platformInstanceId={Hex(16)}"],
            ["rtmr0", "rtmr1", "rtmr2", "xfam", "tcb.minEvaluationDataNumber", "tcb.minDate", "platforms.allow"]
        },
        {
            "snp", ["--measurement", Hex(48)],
            ["--product", "Genoa", "--min-tcb", "Genoa:bootloader=10,tee=0,snp=23,microcode=84", "--min-firmware", "1.55.40", "--any", "platforms.allow"],
            ["products", "minTcb", "firmware", "platforms.allow"]
        },
        {
            "nitro", ["--pcr0", Hex(48)],
            ["--pcr1", Hex(48), "--pcr2", Hex(48), "--pcr3", Hex(48), "--any", "pcr4", "--any", "pcr8"],
            ["pcr1", "pcr2", "pcr3", "pcr4", "pcr8"]
        },
    };

    private static string[] Tcb => ["--min-evaluation-data-number", "17", "--min-tcb-date", "2024-03-13"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Measurements))]
    public async Task A_measurement_alone_leaves_rules_open_and_says_which(string tee, string[] least, string[] rest, string[] open)
    {
        CliResult result = (await RunAsync(["--tee", tee, .. least])).MustSucceed();
        PolicySection section = Assert.Single(Read((string)result.Json["yaml"]!).Sections);
        Assert.Equal(open.Order(), section.Missing.Order());
        Assert.Equal(open.Order(), result.Json["missing"]!.AsArray().Select(rule => (string)rule!).Order());
        Assert.Contains(open[0], result.Errors, StringComparison.Ordinal);

        CliResult whole = (await RunAsync(["--tee", tee, .. least, .. rest])).MustSucceed();
        section = Assert.Single(Read((string)whole.Json["yaml"]!).Sections);
        Assert.Empty(section.Missing);
        Assert.Empty(whole.Json["missing"]!.AsArray());
        string[] nonce = tee == "nitro" ? ["nonce", "publicKey"] : [];
        Assert.Equal(rest.Where((_, i) => i > 0 && rest[i - 1] == "--any").Concat(nonce).Order(), section.Waived.Order());
        Assert.Equal("", whole.Errors.Trim());
    }

    [Theory]
    [MemberData(nameof(Measurements))]
    public async Task A_broker_reads_the_policy_around_it(string tee, string[] least, string[] rest, string[] open)
    {
        Assert.NotEmpty(open);
        byte[] configuration = Encoding.UTF8.GetBytes("kind: EnclaveConfiguration\n");
        await File.WriteAllBytesAsync(_folder["enclave.yaml"], configuration, TestContext.Current.CancellationToken);
        CliResult result = (await RunAsync(
        [
            "--tee", tee, .. least, .. rest, "--kek-policy", "--config", _folder["enclave.yaml"], "--wraps", "100", "--unwraps", "5000", "--lease-duration", "15m", "--name", "prod-eu.1",
        ])).MustSucceed();
        ReleasePolicyReadResult read = ReleasePolicyReader.Read((string)result.Json["yaml"]!);
        Assert.True(read.IsValid, string.Join('\n', read.Errors));
        Assert.Equal("prod-eu.1", read.Policy.Name);
        Assert.Equal(new LeaseAllowance(TimeSpan.FromMinutes(15), TimeSpan.Zero, 100, 5000), read.Policy.Lease);
        Assert.Equal([Convert.ToHexStringLower(SHA384.HashData(configuration))], read.Policy.ConfigDigests!);
        Assert.Empty(read.Policy.Roots);
        Assert.Empty(Assert.Single(read.Policy.Appraisal.Sections).Missing);
    }

    [Fact]
    public async Task The_policy_accepts_the_enclave_that_was_measured_and_no_other()
    {
        using EvidenceFolder evidence = new(Tee.Sgx);
        string[] rest = ["--min-tcb-date", "2024-03-13", "--any", "platforms.allow", "--any", "reportData", "--any", "tcb.minEvaluationDataNumber"];
        string measured = string.Concat(Enumerable.Repeat("E1", 32));
        foreach ((string mrenclave, bool accepted) in ((string, bool)[])[(measured, true), (Hex(32), false)])
        {
            CliResult policy = (await RunAsync(["--tee", "sgx", "--mrenclave", mrenclave, .. rest])).MustSucceed();
            evidence.Write("policy.yaml", Encoding.UTF8.GetBytes((string)policy.Json["yaml"]!));
            JsonNode verdict = (await CliProcess.RunAsync(evidence.Verify("sgx", "--policy", evidence.File("policy.yaml")))).Json;
            Assert.True((bool)verdict["verified"]!);
            Assert.True(accepted == (bool)verdict["accepted"]!, verdict.ToJsonString());
        }
    }

    [Fact]
    public async Task Where_the_TEE_has_a_field_for_it_the_configuration_is_bound()
    {
        await File.WriteAllTextAsync(_folder["c"], "x", TestContext.Current.CancellationToken);
        string tdx = (string)(await RunAsync("--tee", "tdx", "--mrtd", Hex(48), "--config", _folder["c"])).MustSucceed().Json["yaml"]!;
        Assert.Contains($"mrconfigid: [\"{Convert.ToHexStringLower(SHA384.HashData("x"u8))}\"]", tdx, StringComparison.Ordinal);
        string snp = (string)(await RunAsync("--tee", "snp", "--measurement", Hex(48), "--config", _folder["c"])).MustSucceed().Json["yaml"]!;
        Assert.Contains($"hostData: [\"{Convert.ToHexStringLower(SHA256.HashData("x"u8))}\"]", snp, StringComparison.Ordinal);
        (await RunAsync("--tee", "sgx", "--mrenclave", Hex(32), "--config", _folder["c"])).MustBeRefused("part of the measurement");
    }

    [Theory]
    [InlineData("needs --mrenclave", "--tee", "sgx")]
    [InlineData("needs --pcr0", "--tee", "nitro")]
    [InlineData("says nothing about --tee sgx", "--tee", "sgx", "--mrtd", "00")]
    [InlineData("64 hex digits", "--tee", "sgx", "--mrenclave", "00")]
    [InlineData("no such rule", "--tee", "nitro", "--pcr0", "00", "--any", "rtmr0")]
    [InlineData("letters, digits", "--tee", "sgx", "--mrenclave", "00\", mrsigner: \"00")]
    [InlineData("letters, digits", "--tee", "sgx", "--mrenclave", "00", "--name", "a\nkind: x")]
    [InlineData("minTcb", "--tee", "snp", "--measurement", Measured, "--min-tcb", "Naples:tee=1")]
    [InlineData("NAME=VALUE", "--tee", "snp", "--measurement", Measured, "--min-tcb", "Genoa:tee")]
    [InlineData("needs --wraps and --unwraps", "--tee", "snp", "--measurement", Measured, "--kek-policy", "--any", "configDigests")]
    [InlineData("--config FILE", "--tee", "snp", "--measurement", Measured, "--kek-policy", "--wraps", "1", "--unwraps", "1")]
    public async Task What_would_be_no_policy_is_refused(string because, params string[] arguments) => (await RunAsync(arguments)).MustBeRefused(because);

    private const string Measured = "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001";

    private static string Hex(int bytes) => RandomNumberGenerator.GetHexString(2 * bytes, lowercase: true);

    private static AppraisalPolicy Read(string yaml)
    {
        PolicyReadResult read = AppraisalPolicyReader.Read(yaml);
        Assert.True(read.IsValid, string.Join('\n', read.Errors) + yaml);
        return read.Policy;
    }

    private static Task<CliResult> RunAsync(params string[] arguments) => CliProcess.RunAsync(["policy", "from-measurement", "--output", "json", .. arguments]);
}
