using Cloister.Cli.Config;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Probe;
using Cloister.Contracts.StoredValues;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>The KMS plugin as an API server sees it.</summary>
internal static class KmsChecks
{
    private const string Document = "docs/operations.md";
    private const int Rounds = 3;

    internal static IReadOnlyList<Check> All { get; } =
    [
        Check.Each("kms-status", DoctorPhase.Node, "Status answers", Document, scope => scope.KmsAsync(), Status),
        Check.Each("kms-version", DoctorPhase.Node, "it speaks KMS v2", Document, scope => scope.KmsAsync(), Version),
        Check.Each("kms-healthz", DoctorPhase.Node, "healthz is ok", Document, scope => scope.KmsAsync(), Healthz),
        Check.Each("kms-key-id", DoctorPhase.Node, "an API server takes its key_id", Document, scope => scope.KmsAsync(), KeyId),
        Check.Each("kms-tee", DoctorPhase.Node, "a real TEE is behind it", "docs/tees.md", scope => scope.KmsAsync(), Tee),
        new("kms-round-trip", DoctorPhase.Node, "a seed is wrapped and comes back", Document, RoundTripAsync),
        new("kms-latency", DoctorPhase.Node, "it answers well within the API server's time-out", Document, LatencyAsync),
    ];

    private static IEnumerable<Finding> Status(DoctorScope scope, KmsFacts kms) => kms switch
    {
        { Status: not null } => [Finding.Ok(kms.Socket, "answers")],
        { Failure: { } e } when e.StatusCode == StatusCode.DeadlineExceeded || (e.StatusCode == StatusCode.Unavailable && e.Status.DebugException is not null) =>
        [
            Finding.Error(kms.Socket, "somebody accepts connections, but no plugin answers behind it",
                "with SGX: the relay runs and the enclave does not, or the uid of this process is not among the allowed ones", "systemctl status cloister-enclave-sgx"),
        ],
        { Failure: { } e } => [Finding.Error(kms.Socket, $"{e.StatusCode}: {e.Status.Detail}", "do what the text says; writes of API servers stop three minutes after it began", "cloister kek list --admin-socket /run/cloister/admin.sock")],
        _ => [],
    };

    private static IEnumerable<Finding> Version(DoctorScope scope, KmsFacts kms) => kms.Status is not { } status ? [] :
    [
        Finding.ErrorUnless(status.Version is "v2" or "v2beta1", kms.Socket, $"version {status.Version}", "an API server takes v2 only: is another plugin behind this socket?", $"cloister probe --socket {kms.Socket}"),
    ];

    private static IEnumerable<Finding> Healthz(DoctorScope scope, KmsFacts kms) => kms.Status is not { } status ? [] :
    [
        Finding.WarnUnless(status.Healthz == "ok", kms.Socket, status.Healthz, "an API server goes on for now; do what the text says before it becomes an error", "cloister kek list --admin-socket /run/cloister/admin.sock"),
    ];

    private static IEnumerable<Finding> KeyId(DoctorScope scope, KmsFacts kms) => kms.Status is not { } status ? [] :
    [
        Finding.ErrorUnless(
            System.Text.Encoding.UTF8.GetByteCount(status.KeyId) is >= 1 and <= EncryptedObject.MaxKeyIdSize, kms.Socket, status.KeyId.Length == 0 ? "none" : status.KeyId,
            $"an API server takes 1 to {EncryptedObject.MaxKeyIdSize} bytes", $"cloister probe --socket {kms.Socket}"),
    ];

    private static IEnumerable<Finding> Tee(DoctorScope scope, KmsFacts kms) => kms.Status is null ? [] :
    [
        kms.Tee switch
        {
            "simulated" => Finding.Warn(kms.Socket, "the TEE is SIMULATED: keys are not protected", "use cloister-enclave in a TEE for anything but development"),
            "" => Finding.Warn(kms.Socket, "it does not say which TEE it is in", "is another plugin behind this socket?", $"cloister probe --socket {kms.Socket}"),
            _ => Finding.Ok(kms.Socket, kms.Tee),
        },
    ];

    private static async Task<IEnumerable<Finding>> RoundTripAsync(DoctorScope scope, CancellationToken cancellation)
    {
        List<Finding> findings = [];
        foreach (KmsFacts kms in (await scope.KmsAsync()).Where(kms => kms.Status is not null))
        {
            findings.AddRange(Judge(kms.Socket, await ProbeAsync(kms.Socket, 1, KmsPlugin.DefaultTimeout, cancellation)));
        }

        return findings;
    }

    /// <summary>What a probe came to; healthz and key_id have checks of their own.</summary>
    internal static IEnumerable<Finding> Judge(string socket, ProbeReport report)
    {
        ProbeCheck[] failed = [.. report.Checks.Where(check => !check.Passed && check.Name is not ("healthz" or "version" or "key_id"))];
        return failed.Length == 0
            ? [Finding.Ok(socket, "Encrypt and Decrypt, under Status's key_id; another key_id is refused")]
            : failed.Select(check => Finding.Error(socket, $"{check.Name}: {check.Detail}", "an API server would refuse this, or not be able to read: see the enclave's log", $"cloister probe --socket {socket}"));
    }

    private static async Task<IEnumerable<Finding>> LatencyAsync(DoctorScope scope, CancellationToken cancellation)
    {
        List<Finding> findings = [];
        TimeSpan timeout = Timeout(scope);
        foreach (KmsFacts kms in (await scope.KmsAsync()).Where(kms => kms.Status?.Healthz == "ok"))
        {
            ProbeReport report = await ProbeAsync(kms.Socket, Rounds, timeout, cancellation);
            findings.Add(JudgeLatency(kms.Socket, TimeSpan.FromMicroseconds(new[] { report.Status, report.Encrypt, report.Decrypt }.Max(latencies => latencies.Percentile(1))), timeout, report.Passed));
        }

        return findings;
    }

    /// <summary>The slowest answer, held against the time-out.</summary>
    internal static Finding JudgeLatency(string socket, TimeSpan slowest, TimeSpan timeout, bool answered)
    {
        string seen = $"{slowest.TotalMilliseconds:0.#} ms of {timeout.TotalMilliseconds:0} ms, the slowest of {Rounds} rounds";
        const string Fix = "look at the load of this machine and of the broker, or raise 'timeout' in the EncryptionConfiguration";
        return !answered || slowest >= timeout
            ? Finding.Error(socket, answered ? seen : $"a call failed or took longer than {timeout.TotalMilliseconds:0} ms", Fix, $"cloister probe --socket {socket}")
            : Finding.WarnUnless(slowest < timeout / 3, socket, seen, Fix, $"cloister probe --socket {socket}");
    }

    private static TimeSpan Timeout(DoctorScope scope)
    {
        try
        {
            string[] paths = [.. scope.KmsSockets.Select(SocketPath.Of)];
            return scope.Encryption().Configuration?.ForSecrets()?.FirstOrDefault(provider => provider.Kms is { } kms && paths.Contains(SocketPath.Of(kms.Path)))?.Kms?.Timeout ?? KmsPlugin.DefaultTimeout;
        }
        catch (Exception e) when (e is SkippedException or IOException or FormatException or UnauthorizedAccessException)
        {
            // The API server's checks say so; it waits as long as nothing else is said.
            return KmsPlugin.DefaultTimeout;
        }
    }

    private static async Task<ProbeReport> ProbeAsync(string socket, int rounds, TimeSpan timeout, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(socket);
        return await KmsV2Probe.RunAsync(channel.CreateCallInvoker(), rounds, timeout, cancellation);
    }
}
