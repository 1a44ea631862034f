using Cloister.Cli.Enclaves;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Doctor;

/// <summary>What an enclave says about itself on its admin socket.</summary>
internal static class EnclaveChecks
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(3);

    /// <summary>Asks one enclave.</summary>
    internal static async Task<(List<Finding> Findings, EnclaveState? State)> RunAsync(string socket, CancellationToken cancellation)
    {
        EnclaveState state;
        try
        {
            using GrpcChannel channel = EnclaveChannel.Open(socket);
            state = await new Admin.AdminClient(channel).GetStateAsync(new GetStateRequest(), deadline: DateTime.UtcNow + Deadline, cancellationToken: cancellation);
        }
        catch (CliException)
        {
            return ([Finding.Error("admin", socket, "does not exist", "set admin.listen in the enclave's configuration and start it, or name the right path with --admin-socket")], null);
        }
        catch (RpcException e)
        {
            return ([Finding.Error("admin", socket, EnclaveChannel.Explain(e), "check that the enclave runs, and that this user is among admin.socket.allowedUids")], null);
        }

        return (
        [
            Finding.Ok("admin", socket, $"TEE {state.Tee}, custody {state.Custody}, cluster {state.Cluster}, provider {state.Provider}"),
            Keks(socket, state),
            .. state.Custody == "manual" ? [Operators(socket, state)] : (Finding[])[],
            Memory(socket, state),
            .. state.Lease is { } lease ? [LeaseCheck.Run(socket, lease)] : (Finding[])[],
            .. state.MoreLeases.Select(more => LeaseCheck.Run(socket, more)),
        ], state);
    }

    private static Finding Keks(string socket, EnclaveState state) => state.ActiveKeyId.Length > 0
        ? Finding.Ok("KEK", socket, state.Custody == "manual" ? $"{state.Keks.Count} versions, {state.ActiveKeyId} for writes" : $"{state.ActiveKeyId} for writes")
        : Finding.Error("KEK", socket, $"none for writes: {state.Health}", state.Custody == "manual"
            ? "cloister kek import --socket ADMIN --name NAME, with your copy of the KEK on standard input"
            : "the text says which broker or KMS does not give one: see to it there");

    private static Finding Operators(string socket, EnclaveState state) => state.Operators switch
    {
        [] => Finding.Warning("operators", socket, "nobody may change KEKs", "cloister kek operator-key --out FILE, and its pin into custody.manual.operators of the enclave's configuration"),
        ["any"] => Finding.Warning(
            "operators", socket, "ANY: whoever reaches the admin socket decides which KEK is used", "for development only: pin operators' keys in custody.manual.operators"),
        _ => Finding.Ok("operators", socket, $"{state.Operators.Count} pinned"),
    };

    private static Finding Memory(string socket, EnclaveState state) => state.MemoryProtection.Contains("KEYS NOT LOCKED", StringComparison.Ordinal)
        ? Finding.Warning("memory", socket, state.MemoryProtection, "LimitMEMLOCK=infinity in the unit (deploy/systemd/cloister-enclave.service), or ulimit -l unlimited")
        : Finding.Ok("memory", socket, state.MemoryProtection);
}
