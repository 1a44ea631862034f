using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Evidence;

public sealed class EvidenceTests
{
    private const string Policy = """
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: test }
        spec:
          sgx:
            debug: refuse
            enclave: [{ mrenclave: e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1 }]
            configid: any
            tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: any, minDate: any }
            platforms: { allow: any }
            reportData: any
        """;

    [Fact]
    public async Task Authentic_evidence_without_a_policy()
    {
        using EvidenceFolder folder = new(Tee.Tdx);
        JsonNode json = (await CliProcess.RunAsync(folder.Verify("tdx"))).MustSucceed().Json;
        Assert.True((bool)json["verified"]!);
        Assert.Null(json["accepted"]);
        Assert.Null(json["failure"]);
        Assert.Equal("tdx", (string)json["tee"]!);
        Assert.Equal("UpToDate", (string)json["tcbStatus"]!);
        Assert.Equal("2024-03-13T00:00:00Z", (string)json["tcbDate"]!);
        Assert.False((bool)json["debug"]!);
        Assert.Equal(string.Concat(Enumerable.Repeat("e1", 48)), (string)json["claims"]!["mrtd"]!);
        Assert.Empty(json["advisoryIds"]!.AsArray());
        Assert.Empty(json["waived"]!.AsArray());
    }

    [Fact]
    public async Task A_policy_accepts_and_lists_what_it_waives()
    {
        using EvidenceFolder folder = new(Tee.Sgx);
        folder.Write("policy.yaml", Encoding.UTF8.GetBytes(Policy));
        JsonNode json = (await CliProcess.RunAsync(folder.Verify("sgx", "--policy", folder.File("policy.yaml")))).MustSucceed().Json;
        Assert.True((bool)json["accepted"]!);
        Assert.Equal(["configid", "platforms.allow", "reportData", "tcb.minDate", "tcb.minEvaluationDataNumber"], json["waived"]!.AsArray().Select(w => (string)w!));
    }

    [Fact]
    public async Task A_policy_refuses_an_out_of_date_platform_that_is_authentic()
    {
        using EvidenceFolder folder = new(Tee.Sgx, EvidenceFolder.OutOfDate);
        folder.Write("policy.yaml", Encoding.UTF8.GetBytes(Policy));
        CliResult result = await CliProcess.RunAsync(folder.Verify("sgx", "--policy", folder.File("policy.yaml")));
        Assert.Equal(ExitCode.No, result.ExitCode);
        Assert.True((bool)result.Json["verified"]!);
        Assert.False((bool)result.Json["accepted"]!);
        Assert.Equal("OutOfDate", (string)result.Json["tcbStatus"]!);
        Assert.Equal(["INTEL-SA-00001", "INTEL-SA-00002"], result.Json["advisoryIds"]!.AsArray().Select(a => (string)a!));
        Assert.Equal(["tcb.statuses", "tcb.advisories"], result.Json["failures"]!.AsArray().Select(f => (string)f!["step"]!));
    }

    [Fact]
    public async Task What_is_not_authentic_is_refused_with_step_and_code()
    {
        using EvidenceFolder folder = new(Tee.Sgx);
        byte[] quote = await System.IO.File.ReadAllBytesAsync(folder.File("quote.bin"), TestContext.Current.CancellationToken);
        quote[112] ^= 1;
        folder.Write("quote.bin", quote);
        CliResult result = await CliProcess.RunAsync(folder.Verify("sgx"));
        Assert.Equal(ExitCode.No, result.ExitCode);
        Assert.False((bool)result.Json["verified"]!);
        Assert.Equal(("quote_signature", "bad_signature"), ((string)result.Json["failure"]!["step"]!, (string)result.Json["failure"]!["code"]!));
        Assert.Empty(result.Json["claims"]!.AsObject());
    }

    [Fact]
    public async Task The_simulators_root_is_not_intels()
    {
        using EvidenceFolder folder = new(Tee.Sgx);
        string[] arguments = [.. folder.Verify("sgx").Where(a => a != "--root" && a != folder.File("root.der"))];
        CliResult result = await CliProcess.RunAsync(arguments);
        Assert.Equal(ExitCode.No, result.ExitCode);
        Assert.Equal("untrusted_root", (string)result.Json["failure"]!["code"]!);
    }

    [Fact]
    public async Task Wrong_usage_and_unreadable_files()
    {
        using EvidenceFolder folder = new(Tee.Sgx);
        (await CliProcess.RunAsync("evidence", "verify", "--tee", "sgx", "--evidence", folder.File("quote.bin"))).MustBeRefused("--collateral");
        (await CliProcess.RunAsync("evidence", "verify", "--tee", "sgx", "--evidence", folder.File("nothing"), "--collateral", folder.Path)).MustBeRefused("nothing");
        (await CliProcess.RunAsync(folder.Verify("sgx", "--policy", folder.File("tcb_info.json")))).MustBeRefused("no appraisal policy");
        System.IO.File.Delete(folder.File("pck_crl.der"));
        (await CliProcess.RunAsync(folder.Verify("sgx"))).MustBeRefused("pck_crl.der");
        (await CliProcess.RunAsync("evidence", "show", folder.File("tcb_info.json"))).MustBeRefused("no evidence");
    }

    [Fact]
    public async Task Evidence_as_others_write_it()
    {
        using EvidenceFolder folder = new(Tee.Tdx);
        byte[] quote = await System.IO.File.ReadAllBytesAsync(folder.File("quote.bin"), TestContext.Current.CancellationToken);
        folder.Write("quote.bin", Encoding.UTF8.GetBytes($"{{\"cc_eventlog\":null,\"quote\":\"{Convert.ToBase64String(quote)}\"}}"));
        Assert.True((bool)(await CliProcess.RunAsync(folder.Verify("tdx"))).MustSucceed().Json["verified"]!);
        Assert.Equal("raw tdx in JSON, quote", (string)(await CliProcess.RunAsync("evidence", "show", folder.File("quote.bin"), "--output", "json")).MustSucceed().Json["form"]!);

        folder.Write("quote.bin", "{\"cca_token\":[1,2,3]}"u8.ToArray());
        CliResult refused = await CliProcess.RunAsync(folder.Verify("tdx"));
        Assert.Equal(ExitCode.No, refused.ExitCode);
        Assert.Equal("unsupported", (string)refused.Json["failure"]!["code"]!);
        folder.Write("quote.bin", "no evidence at all"u8.ToArray());
        refused = await CliProcess.RunAsync(folder.Verify("tdx"));
        Assert.Equal(("evidence_form", "unknown_form"), ((string)refused.Json["failure"]!["step"]!, (string)refused.Json["failure"]!["code"]!));
    }

    [Fact]
    public async Task A_token_is_shown_and_believed_under_its_key_only()
    {
        using EvidenceFolder folder = new(Tee.Sgx);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string Part(string json) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
        string signed = $"{Part("{\"alg\":\"ES256\"}")}.{Part("{\"exp\":1772400000,\"submods\":{\"cpu0\":{\"ear.status\":\"affirming\",\"ear.trustworthiness-vector\":{\"hardware\":2}}}}")}";
        byte[] signature = key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256);
        folder.Write("token", Encoding.ASCII.GetBytes($"{{\"token\":\"{signed}.{System.Buffers.Text.Base64Url.EncodeToString(signature)}\"}}"));
        folder.Write("key.pem", Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem()));
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        folder.Write("other.pem", Encoding.ASCII.GetBytes(other.ExportSubjectPublicKeyInfoPem()));

        JsonNode shown = (await CliProcess.RunAsync("evidence", "token", folder.File("token"), "--output", "json")).MustSucceed().Json;
        Assert.False((bool)shown["verified"]!);
        Assert.Equal(("affirming", "affirming"), ((string)shown["submods"]![0]!["status"]!, (string)shown["submods"]![0]!["vector"]![0]!["tier"]!));
        Assert.True((bool)(await CliProcess.RunAsync("evidence", "token", folder.File("token"), "--key", folder.File("key.pem"), "--at", EvidenceFolder.At, "--output", "json")).MustSucceed().Json["verified"]!);
        Assert.Equal(ExitCode.No, (await CliProcess.RunAsync("evidence", "token", folder.File("token"), "--key", folder.File("other.pem"), "--at", EvidenceFolder.At)).ExitCode);
        Assert.Equal(ExitCode.No, (await CliProcess.RunAsync("evidence", "token", folder.File("token"), "--key", folder.File("key.pem"), "--at", "2026-03-02T00:00:00Z")).ExitCode);
        (await CliProcess.RunAsync("evidence", "token", folder.File("quote.bin"))).MustBeRefused("no token");
        (await CliProcess.RunAsync("evidence", "token", folder.File("token"), "--key", folder.File("quote.bin"))).MustBeRefused("--key");
    }

    [Fact]
    public async Task Show_tells_every_field_and_verifies_nothing()
    {
        using EvidenceFolder folder = new(Tee.Tdx);
        JsonNode json = (await CliProcess.RunAsync("evidence", "show", folder.File("quote.bin"), "--output", "json")).MustSucceed().Json;
        Assert.Equal("tdx", (string)json["tee"]!);
        Assert.False((bool)json["verified"]!);
        Assert.Equal(4, (int)json["header"]!["version"]!);
        Assert.Equal(96, ((string)json["body"]!["rtmr3"]!).Length);
        Assert.Equal("0053494d0000", (string)json["pck"]!["fmspc"]!);
        Assert.Equal("Simulated SGX Root CA", (string)json["certificate_2"]!["common_name"]!);
        Assert.Contains("mrtd", (await CliProcess.RunAsync("evidence", "show", folder.File("quote.bin"))).MustSucceed().Output, StringComparison.Ordinal);
    }
}
