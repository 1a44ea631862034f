using Cloister.Cli.Enclaves;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Demo;

/// <summary>What a broker has to refuse, tried with real enclaves and a real broker.</summary>
internal static class AttestedRefusals
{
    private const string Kek = "refusals";
    private const string OtherMeasurement = "0bad0bad0bad0bad0bad0bad0bad0bad0bad0bad0bad0bad0bad0bad0bad0bad";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    internal static async Task<IReadOnlyList<(string Case, string Step, bool Refused)>> RunAsync(string folder, DemoBroker broker, CancellationToken cancellation)
    {
        SimulatedEnclaveOptions plain = broker.WithBroker(new SimulatedEnclaveOptions { Custody = "attested", Provider = "demo", Cluster = "demo" }, Kek);
        (SimulatedEnclaveFiles Files, SimulatedEnclaveOptions Options) accepted = (new SimulatedEnclaveFiles(Path.Combine(folder, "attested-accepted")), plain);
        (string Case, SimulatedEnclaveFiles Files, SimulatedEnclaveOptions Options)[] refused =
        [
            ("enclave of another measurement", Files(folder, "measurement"), plain with { Measurement = OtherMeasurement }),
            ("quote with one bit of its signature changed", Files(folder, "signature"), plain with { Tamper = "quote-signature" }),
            ("quote of another enclave, replayed", Files(folder, "replay"), plain with { Tamper = "replay" }),
        ];
        await broker.AdmitAsync(Kek, release: true, [accepted, .. refused.Select(one => (one.Files, one.Options))], plain.Measurement, cancellation);

        List<(string, string, bool)> results = [];
        await using (SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(accepted.Files, accepted.Options, showLog: false, cancellation))
        {
            await enclave.WaitForKekAsync(cancellation);
            foreach ((string name, SimulatedEnclaveFiles files, SimulatedEnclaveOptions options) in refused)
            {
                results.Add(await NoKekAsync(name, files, options, broker, cancellation));
            }

            results.AddRange(await RevokedAsync(enclave, broker, cancellation));
        }

        return results;
    }

    private static SimulatedEnclaveFiles Files(string folder, string name) => new(Path.Combine(folder, $"attested-{name}"));

    // Refused when the broker's audit log has the failed step, and the enclave has no KEK.
    private static async Task<(string Case, string Step, bool Refused)> NoKekAsync(
        string name, SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, DemoBroker broker, CancellationToken cancellation)
    {
        int before = (await broker.RefusedStepsAsync(Kek, cancellation)).Count;
        await using SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(files, options, showLog: false, cancellation);
        IReadOnlyList<string> steps = [];
        await UntilAsync(async () => (steps = await broker.RefusedStepsAsync(Kek, cancellation)).Count > before, cancellation);
        return (name, steps.Count > before ? steps[before] : "none", steps.Count > before && await StopsAsync(enclave, cancellation));
    }

    private static async Task<IReadOnlyList<(string Case, string Step, bool Refused)>> RevokedAsync(SimulatedEnclave enclave, DemoBroker broker, CancellationToken cancellation)
    {
        MemoryScan kek = new([await broker.KekAsync(Kek, cancellation)]);
        using GrpcChannel channel = EnclaveChannel.Open(enclave.Files.KmsSocket);
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        EncryptResponse encrypted = await client.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(new byte[32]) }, cancellationToken: cancellation);
        bool there = kek.Count(enclave.ProcessId) > 0;
        await broker.RevokeEnclavesAsync(Kek, cancellation);
        bool stopped = await UntilAsync(async () => await StopsAsync(enclave, cancellation), cancellation);
        bool unreadable = await DemoRefusals.RefusesAsync(
            client.DecryptAsync(new DecryptRequest { Ciphertext = encrypted.Ciphertext, KeyId = encrypted.KeyId }, cancellationToken: cancellation));
        return
        [
            ("revoked enclave: writing must stop", "Status", stopped),
            ("revoked enclave: nothing can be read", "Decrypt", unreadable),
            ("revoked enclave: its KEK was in its memory, and is not any more", "memory", there && kek.Count(enclave.ProcessId) == 0),
        ];
    }

    /// <summary>Whether Status is an error and there is no active KEK.</summary>
    internal static async Task<bool> StopsAsync(SimulatedEnclave enclave, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(enclave.Files.KmsSocket);
        EnclaveState state = await enclave.StateAsync(cancellation);
        return state.ActiveKeyId.Length == 0
            && await DemoRefusals.FailsAsync(new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(new StatusRequest(), cancellationToken: cancellation));
    }

    /// <summary>Waits until something is so.</summary>
    internal static async Task<bool> UntilAsync(Func<Task<bool>> condition, CancellationToken cancellation)
    {
        long deadline = Environment.TickCount64 + (long)Timeout.TotalMilliseconds;
        while (!await condition())
        {
            if (Environment.TickCount64 > deadline)
            {
                return false;
            }

            await Task.Delay(100, cancellation);
        }

        return true;
    }
}
