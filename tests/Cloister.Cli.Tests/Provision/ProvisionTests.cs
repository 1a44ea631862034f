using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Attestation.Collateral;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Evidence;
using Cloister.Cli.Offline;
using Cloister.Cli.Operators;
using Cloister.Cli.Provision;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Operators;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Provision;

/// <summary><c>cloister provision</c> against a simulated enclave, with the files that <c>cloister dev</c> leaves.</summary>
public sealed class ProvisionTests : IDisposable
{
    private readonly byte[] _kek = RandomNumberGenerator.GetBytes(32);
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_enclave_that_the_policy_accepts_gets_the_KEK_and_uses_it()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);

        JsonNode told = (await ProvisionAsync(dev)).MustSucceed().Json;

        Assert.True((bool)told["provisioned"]!);
        Assert.True((bool)told["active"]!);
        Assert.Equal(("mine", 1, "dev", "tee"), ((string)told["name"]!, (int)told["version"]!, (string)told["cluster"]!, (string)told["provider"]!));
        Assert.Equal(KekParcel.KeyIdOf("mine", 1, _kek), (string)told["keyId"]!);
        using GrpcChannel channel = EnclaveChannel.Open(dev.KmsSocket);
        EncryptResponse wrapped = await new KeyManagementService.KeyManagementServiceClient(channel).EncryptAsync(
            new EncryptRequest { Plaintext = ByteString.CopyFromUtf8("a seed"), Uid = "1" }, cancellationToken: Stop);
        Assert.Equal((string)told["keyId"]!, wrapped.KeyId);
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, "dev", "tee");
        Assert.Equal("a seed"u8.ToArray(), OfflineEdek.Plaintext(_kek, context, wrapped.Ciphertext.ToByteArray()));
    }

    [Fact]
    public async Task An_enclave_of_another_measurement_is_refused_before_the_KEK_is_read()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        string policy = await File.ReadAllTextAsync(_folder["d/appraisal.yaml"], Stop);
        await File.WriteAllTextAsync(_folder["other.yaml"], policy.Replace("51b1a7ed", "0bad0bad", StringComparison.Ordinal), Stop);

        CliResult refused = await CliProcess.RunAsync([.. Arguments(dev, policy: _folder["other.yaml"]), "--kek-file", _folder["no such file"]]);

        await MustBeRefusedAsync(dev, refused, "enclave");
    }

    [Fact]
    public async Task An_enclave_of_another_configuration_is_refused()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        await File.WriteAllTextAsync(_folder["other.yaml"], await File.ReadAllTextAsync(_folder["d/enclave.yaml"], Stop) + "\n", Stop);

        await MustBeRefusedAsync(dev, await ProvisionAsync(dev, configuration: _folder["other.yaml"]), "statement");
    }

    [Fact]
    public async Task An_enclave_of_a_vendor_that_nobody_named_is_refused()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        await using DevEnclave other = await DevEnclave.StartAsync(_folder["other"]);

        CliResult refused = await ProvisionAsync(dev, vendor: _folder["other/vendor"]);

        Assert.Equal(ExitCode.No, refused.ExitCode);
        Assert.False((bool)refused.Json["provisioned"]!);
        Assert.DoesNotContain("mine", await KeksAsync(dev), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recorded_KEK_is_not_taken_again()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using GrpcChannel channel = EnclaveChannel.Open(dev.AdminSocket);
        Admin.AdminClient client = new(channel);
        string nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        GetEvidenceResponse answer = await client.GetEvidenceAsync(new GetEvidenceRequest { Nonce = nonce, Kek = "mine" }, cancellationToken: Stop);
        AppraisedEnclave accepted = EnclaveAppraisal.Judge(
            answer.Tee,
            answer.Attestation,
            new EnclaveExpectation(nonce, "mine", null),
            EvidenceVerifyCommand.ReadPolicy(_folder["d/appraisal.yaml"]),
            [.. CollateralDirectory.ReadRoots(_folder["d/vendor/root.pem"])],
            _folder["d/vendor/collateral"]);
        ProvisionKekRequest request = new() { Jwe = KekParcel.Seal(accepted.Key, answer.Ticket.Span, "mine", 1, inactive: false, _kek) };
        using OperatorKey key = OperatorKey.Read(_folder["d/operator.key"]);
        request.Operator = key.Sign(new OperatorStatement(OperatorAct.Provision, "dev", "tee", answer.Ticket.Memory)
        {
            Kek = "mine", Version = 1, Active = true, KeyDigest = SHA256.HashData(_kek),
        });
        KekInfo taken = await client.ProvisionKekAsync(request, cancellationToken: Stop);
        await new SignedChanges(client, key).WipeAsync(Stop);

        RpcException replayed = await Assert.ThrowsAsync<RpcException>(async () => await client.ProvisionKekAsync(request, cancellationToken: Stop));

        Assert.Equal(KekParcel.KeyIdOf("mine", 1, _kek), taken.KeyId);
        Assert.Equal(StatusCode.InvalidArgument, replayed.StatusCode);
        Assert.DoesNotContain("mine", await KeksAsync(dev), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Custody_remote_takes_no_KEK()
    {
        await using DevEnclave manual = await DevEnclave.StartAsync(_folder["manual"]);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "remote");

        CliResult refused = await CliProcess.RunWithInputAsync(
            _kek, [.. Arguments(dev, policy: _folder["manual/appraisal.yaml"], vendor: _folder["manual/vendor"]), "--kek-stdin"]);

        Assert.True(refused.ExitCode == ExitCode.No, refused.ToString());
        Assert.Equal("", refused.Output);
        Assert.Contains("custody remote has no KEKs of its own", refused.Errors, StringComparison.Ordinal);
    }

    private async Task MustBeRefusedAsync(DevEnclave dev, CliResult refused, string step)
    {
        Assert.True(refused.ExitCode == ExitCode.No, refused.ToString());
        Assert.False((bool)refused.Json["provisioned"]!);
        Assert.Equal(step, (string)refused.Json["step"]!);
        Assert.Contains("the enclave is refused, no KEK was sent", refused.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexStringLower(_kek), refused.Output + refused.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("mine", await KeksAsync(dev), StringComparison.Ordinal);
    }

    private static async Task<string> KeksAsync(DevEnclave dev) => (await CliProcess.RunAsync("kek", "list", "--socket", dev.AdminSocket, "--output", "json")).MustSucceed().Output;

    private Task<CliResult> ProvisionAsync(DevEnclave dev, string? configuration = null, string? vendor = null) =>
        CliProcess.RunWithInputAsync(_kek, [.. Arguments(dev, configuration: configuration, vendor: vendor), "--kek-stdin"]);

    private string[] Arguments(DevEnclave dev, string? policy = null, string? configuration = null, string? vendor = null)
    {
        string from = vendor ?? _folder["d/vendor"];
        return
        [
            "provision", "--enclave", $"unix:{dev.AdminSocket}", "--name", "mine", "--policy", policy ?? _folder["d/appraisal.yaml"],
            "--root", Path.Combine(from, "root.pem"), "--collateral", Path.Combine(from, "collateral"), "--config", configuration ?? _folder["d/enclave.yaml"], "--output", "json",
        ];
    }
}
