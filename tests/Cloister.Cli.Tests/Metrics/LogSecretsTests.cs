using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Tests.Dev;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>What a run logs: one form, and no byte of a KEK, a DEK or a Secret.</summary>
public sealed partial class LogSecretsTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("text")]
    [InlineData("json")]
    public async Task Logs_and_metrics_of_a_run_have_no_planted_key_and_no_Secret(string form)
    {
        // As a unit of systemd would start it; what makes the vendor's files is no run.
        await File.WriteAllTextAsync(_folder["enclave"], $"#!/bin/sh\n[ \"$1\" != --config ] || set -- --log-format {form} \"$@\"\nexec '{Programs.EnclaveSim}' \"$@\"\n", Stop);
        File.SetUnixFileMode(_folder["enclave"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        byte[] kek = RandomNumberGenerator.GetBytes(32);
        byte[] dek = RandomNumberGenerator.GetBytes(32);
        byte[] secret = RandomNumberGenerator.GetBytes(48);
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAfterAsync($"export CLOISTER_ENCLAVE_SIM='{_folder["enclave"]}'", _folder["d"], "--etcd", etcd.Url);
        (await CliProcess.RunWithInputAsync(kek, "kek", "import", "--admin-socket", dev.AdminSocket, "--name", "planted")).MustSucceed();
        string text = Convert.ToBase64String(secret);
        using (GatewayClient gateway = new(_folder, "d"))
        {
            await gateway.PutAsync("/registry/secrets/default/db", text);
            Assert.Equal(text, await gateway.GetAsync("/registry/secrets/default/db"));
        }

        using (GrpcChannel channel = EnclaveChannel.Open(dev.KmsSocket))
        {
            KeyManagementService.KeyManagementServiceClient kms = new(channel);
            EncryptResponse wrapped = await kms.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(dek), Uid = "fine" }, cancellationToken: Stop);
            Assert.Equal(dek, (await kms.DecryptAsync(new DecryptRequest { Ciphertext = wrapped.Ciphertext, KeyId = wrapped.KeyId, Uid = "fine" }, cancellationToken: Stop)).Plaintext.ToByteArray());

            // What fails carries keys and Secrets where an API server would never put them, so that an error that quoted its input would show them.
            await FailsAsync(() => kms.DecryptAsync(new DecryptRequest { Ciphertext = ByteString.CopyFrom([.. dek, .. secret]), KeyId = wrapped.KeyId, Uid = "wrong" }, cancellationToken: Stop));
            await FailsAsync(() => kms.DecryptAsync(new DecryptRequest { Ciphertext = wrapped.Ciphertext, KeyId = text, Uid = "other" }, cancellationToken: Stop));
        }

        string metrics = (await CliProcess.RunAsync("metrics", "--admin-socket", dev.AdminSocket)).MustSucceed().Output;
        await Eventually.TrueAsync(() => dev.Process.Errors.Contains("/v2.KeyManagementService/Decrypt failed", StringComparison.Ordinal), "the log names the call");

        // In JSON a plus sign is written out: what was planted is looked for in what a reader of JSON has as well.
        string[] lines = dev.Process.Errors.Split('\n');
        string[] messages = [.. lines.Where(line => line.StartsWith('{')).Select(line => (string)JsonNode.Parse(line)!["message"]!)];
        string log = string.Join('\n', [.. lines, .. messages]);
        Assert.Contains("/v2.KeyManagementService/Decrypt failed with InvalidArgument", log, StringComparison.Ordinal);
        Assert.Contains("imported KEK", log, StringComparison.Ordinal);
        Assert.All(SecretForms.Of(kek, dek, secret).Append(text), one => Assert.DoesNotContain(one, log + metrics, StringComparison.OrdinalIgnoreCase));

        // Whoever looks like this does find what is there.
        Assert.Contains(SecretForms.Of(dek), one => $"before {Convert.ToBase64String([1, 2, .. dek, 3])} after".Contains(one, StringComparison.OrdinalIgnoreCase));
        string[] calls = [.. lines.Where(line => line.Contains("KeyManagementService", StringComparison.Ordinal))];
        Assert.NotEmpty(calls);
        Assert.All(calls, line => Assert.Matches(Line(), form == "text" ? line : TextOf(JsonNode.Parse(line)!)));
    }

    private static async Task FailsAsync(Func<AsyncUnaryCall<DecryptResponse>> call) => await Assert.ThrowsAsync<RpcException>(async () => await call());

    private static string TextOf(JsonNode line) => $"{line["time"]} {line["level"]} {line["id"]} {line["message"]}";

    [GeneratedRegex(@"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z (INFORMATION|WARNING|ERROR) \d+ ")]
    private static partial Regex Line();
}
