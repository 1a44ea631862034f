using Cloister.Cli.Enclaves;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Doctor;

/// <summary>What an enclave says about itself on its admin socket.</summary>
/// <param name="Socket">Its path.</param>
/// <param name="State">The answer; null: none.</param>
/// <param name="Failure">Why there is none.</param>
internal sealed record EnclaveFacts(string Socket, EnclaveState? State, string Failure)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(3);

    /// <summary>The leases that it uses KEKs under.</summary>
    internal IEnumerable<LeaseState> Leases => State?.Lease is null ? [] : State.MoreLeases.Prepend(State.Lease);

    /// <summary>A counter's value; null: it has none of that name.</summary>
    internal ulong? Counter(string name) => State?.Counters.FirstOrDefault(counter => counter.Name == name)?.Value;

    /// <summary>Asks one enclave.</summary>
    internal static async Task<EnclaveFacts> AskAsync(string socket)
    {
        if (!File.Exists(socket))
        {
            return new EnclaveFacts(socket, null, "does not exist");
        }

        try
        {
            using GrpcChannel channel = EnclaveChannel.Open(socket);
            return new EnclaveFacts(socket, await new Admin.AdminClient(channel).GetStateAsync(new GetStateRequest(), deadline: DateTime.UtcNow + Deadline), "");
        }
        catch (RpcException e)
        {
            return new EnclaveFacts(socket, null, EnclaveChannel.Explain(e));
        }
    }
}
