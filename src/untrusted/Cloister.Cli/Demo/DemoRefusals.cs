using System.Security.Cryptography;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Operators;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Demo;

/// <summary>What an enclave has to refuse, tried on real ones.</summary>
internal static class DemoRefusals
{
    internal static async Task<IReadOnlyList<(string Case, string Step, bool Refused)>> RunAsync(string folder, CancellationToken cancellation)
    {
        byte[] kek = RandomNumberGenerator.GetBytes(32);
        await using SimulatedEnclave enclave = await StartAsync(folder, "refusals", "demo", kek, cancellation);
        await using SimulatedEnclave other = await StartAsync(folder, "refusals-other", "other", kek, cancellation);
        using GrpcChannel channel = EnclaveChannel.Open(enclave.Files.KmsSocket);
        using GrpcChannel otherChannel = EnclaveChannel.Open(other.Files.KmsSocket);
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        KeyManagementService.KeyManagementServiceClient otherClient = new(otherChannel);

        EncryptResponse encrypted = await client.EncryptAsync(
            new EncryptRequest { Plaintext = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)) }, cancellationToken: cancellation);
        byte[] changed = encrypted.Ciphertext.ToByteArray();
        changed[^1] ^= 1;
        List<(string, string, bool)> results =
        [
            ("one bit of a wrapped key changed", "Decrypt", await RefusesAsync(client.DecryptAsync(Request(changed, encrypted.KeyId), cancellationToken: cancellation))),
            ("wrapped key moved to another provider, same KEK", "Decrypt", await RefusesAsync(otherClient.DecryptAsync(Request(encrypted.Ciphertext.ToByteArray(), encrypted.KeyId), cancellationToken: cancellation))),
            ("key_id of another KEK", "Decrypt", await RefusesAsync(client.DecryptAsync(Request(encrypted.Ciphertext.ToByteArray(), "cl1-" + new string('0', 32)), cancellationToken: cancellation))),
        ];

        using GrpcChannel admin = EnclaveChannel.Open(enclave.Files.AdminSocket);
        Admin.AdminClient changes = new(admin);
        results.Add(("KEKs wiped by whoever reaches the admin socket", "Wipe", await CodeAsync(changes.WipeAsync(new WipeRequest(), cancellationToken: cancellation)) == StatusCode.PermissionDenied));
        using OperatorKey key = OperatorKey.Read(enclave.Files.OperatorKey);
        await new SignedChanges(changes, key).WipeAsync(cancellation);
        results.Add(("keys wiped: writing must stop", "Status", await RefusesAsync(client.StatusAsync(new StatusRequest(), cancellationToken: cancellation))));
        results.Add(("keys wiped: nothing can be read", "Decrypt", await RefusesAsync(client.DecryptAsync(Request(encrypted.Ciphertext.ToByteArray(), encrypted.KeyId), cancellationToken: cancellation))));
        return results;
    }

    private static DecryptRequest Request(byte[] edek, string keyId) => new() { Ciphertext = ByteString.CopyFrom(edek), KeyId = keyId };

    private static async Task<SimulatedEnclave> StartAsync(string folder, string name, string provider, byte[] kek, CancellationToken cancellation)
    {
        SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(
            new SimulatedEnclaveFiles(Path.Combine(folder, name)), new SimulatedEnclaveOptions { Provider = provider, Cluster = "demo" }, showLog: false, cancellation);
        await enclave.ImportKekAsync("demo", kek, cancellation);
        return enclave;
    }

    /// <summary>Whether a call is refused. A refusal is an answer with a reason; silence is not one.</summary>
    internal static async Task<bool> RefusesAsync<T>(AsyncUnaryCall<T> call) =>
        await CodeAsync(call) is StatusCode.InvalidArgument or StatusCode.NotFound or StatusCode.FailedPrecondition;

    /// <summary>Whether the enclave answers that it cannot: refused, or no broker to ask.</summary>
    internal static async Task<bool> FailsAsync<T>(AsyncUnaryCall<T> call) =>
        await CodeAsync(call) is StatusCode.FailedPrecondition or StatusCode.Unavailable;

    private static async Task<StatusCode> CodeAsync<T>(AsyncUnaryCall<T> call)
    {
        try
        {
            await call;
            return StatusCode.OK;
        }
        catch (RpcException e) when (e.Status.DebugException is null)
        {
            return e.StatusCode;
        }
    }
}
