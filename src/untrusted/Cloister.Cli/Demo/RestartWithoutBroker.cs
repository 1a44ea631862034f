using System.Security.Cryptography;
using Cloister.Cli.Enclaves;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Demo;

/// <summary>
/// Two enclaves are restarted after their broker was stopped: the one with a sealed copy of its lease goes on, the one without has no KEK.
/// </summary>
/// <param name="GoesOnWithSealedCopy">The one with a copy opens what it wrapped before, and wraps.</param>
/// <param name="StopsWithoutSealedCopy">The one without has no KEK, and its Status is an error.</param>
internal sealed record RestartWithoutBroker(bool GoesOnWithSealedCopy, bool StopsWithoutSealedCopy)
{
    private const string Kek = "restart";

    /// <summary>Stops the broker: nothing else can be tried with it afterwards.</summary>
    internal static async Task<RestartWithoutBroker> RunAsync(string folder, DemoBroker broker, CancellationToken cancellation)
    {
        SimulatedEnclaveOptions sealing = broker.WithBroker(new SimulatedEnclaveOptions { Custody = "attested", Provider = "demo", Cluster = "demo" }, Kek);
        SimulatedEnclaveOptions forgetting = sealing with { KeepsSealedCopy = false };
        (SimulatedEnclaveFiles sealingFiles, SimulatedEnclaveFiles forgettingFiles) = (Files(folder, "sealed"), Files(folder, "unsealed"));
        await broker.AdmitAsync(Kek, release: true, [(sealingFiles, sealing), (forgettingFiles, forgetting)], sealing.Measurement, cancellation);

        byte[] secret = RandomNumberGenerator.GetBytes(32);
        EncryptResponse wrapped;
        await using (SimulatedEnclave first = await SimulatedEnclave.StartAsync(sealingFiles, sealing, showLog: false, cancellation))
        await using (SimulatedEnclave second = await SimulatedEnclave.StartAsync(forgettingFiles, forgetting, showLog: false, cancellation))
        {
            await first.WaitForKekAsync(cancellation);
            await second.WaitForKekAsync(cancellation);
            using GrpcChannel channel = EnclaveChannel.Open(first.Files.KmsSocket);
            wrapped = await new KeyManagementService.KeyManagementServiceClient(channel).EncryptAsync(
                new EncryptRequest { Plaintext = ByteString.CopyFrom(secret) }, cancellationToken: cancellation);
        }

        await broker.StopAsync();
        await using SimulatedEnclave withCopy = await SimulatedEnclave.StartAsync(sealingFiles, sealing, showLog: false, cancellation);
        await using SimulatedEnclave without = await SimulatedEnclave.StartAsync(forgettingFiles, forgetting, showLog: false, cancellation);
        bool asked = await AttestedRefusals.UntilAsync(
            async () => (await without.StateAsync(cancellation)).Health.Contains("no broker answers", StringComparison.Ordinal), cancellation);
        return new RestartWithoutBroker(
            await GoesOnAsync(withCopy, wrapped, secret, cancellation),
            asked && await AttestedRefusals.StopsAsync(without, cancellation));
    }

    private static SimulatedEnclaveFiles Files(string folder, string name) => new(Path.Combine(folder, $"restart-{name}"));

    private static async Task<bool> GoesOnAsync(SimulatedEnclave enclave, EncryptResponse wrapped, byte[] secret, CancellationToken cancellation)
    {
        if (!await AttestedRefusals.UntilAsync(async () => (await enclave.StateAsync(cancellation)).ActiveKeyId == wrapped.KeyId, cancellation))
        {
            return false;
        }

        using GrpcChannel channel = EnclaveChannel.Open(enclave.Files.KmsSocket);
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        DecryptResponse opened = await client.DecryptAsync(new DecryptRequest { Ciphertext = wrapped.Ciphertext, KeyId = wrapped.KeyId }, cancellationToken: cancellation);
        EncryptResponse again = await client.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(secret) }, cancellationToken: cancellation);
        return opened.Plaintext.Span.SequenceEqual(secret) && again.KeyId == wrapped.KeyId;
    }
}
