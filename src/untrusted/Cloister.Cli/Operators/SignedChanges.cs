using System.Security.Cryptography;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Operators;
using Google.Protobuf;

namespace Cloister.Cli.Operators;

/// <summary>
/// Changes of an enclave's KEKs over its admin socket, each signed by the operator over a ticket that is fetched for it. Without a key they go
/// unsigned, which an enclave takes only where its configuration says <c>any</c>. Source: docs/provisioning.md, "Operators". secrets: KEKs pass through.
/// </summary>
internal sealed class SignedChanges
{
    private readonly Admin.AdminClient _enclave;
    private readonly OperatorKey? _key;
    private readonly string? _cluster;

    /// <param name="enclave">The enclave.</param>
    /// <param name="key">Signs; null: nothing is signed.</param>
    /// <param name="cluster">The cluster that the enclave has to be of; null: whatever it says is signed.</param>
    internal SignedChanges(Admin.AdminClient enclave, OperatorKey? key, string? cluster = null)
    {
        _enclave = enclave;
        _key = key;
        _cluster = cluster;
    }

    internal async Task<KekInfo> CreateAsync(string name, CancellationToken cancellation) => await _enclave.CreateKekAsync(
        new CreateKekRequest { Name = name, Operator = await SignAsync(OperatorAct.Create, name, change => change with { Active = true }, cancellation) },
        cancellationToken: cancellation);

    internal async Task<KekInfo> ImportAsync(string name, uint version, bool inactive, byte[] key, CancellationToken cancellation) => await _enclave.ImportKekAsync(
        new ImportKekRequest
        {
            Name = name,
            Version = version,
            Inactive = inactive,
            Key = UnsafeByteOperations.UnsafeWrap(key),
            Operator = await SignAsync(
                OperatorAct.Import, name, change => change with { Version = version, Active = !inactive, KeyDigest = SHA256.HashData(key) }, cancellation),
        },
        cancellationToken: cancellation);

    internal async Task<EnclaveState> RetireAsync(string keyId, CancellationToken cancellation) => await _enclave.RetireKekAsync(
        new RetireKekRequest { KeyId = keyId, Operator = await SignAsync(OperatorAct.Retire, "", change => change with { KeyId = keyId }, cancellation) },
        cancellationToken: cancellation);

    internal async Task<EnclaveState> WipeAsync(CancellationToken cancellation) => await _enclave.WipeAsync(
        new WipeRequest { Operator = await SignAsync(OperatorAct.Wipe, "", change => change, cancellation) }, cancellationToken: cancellation);

    private async Task<OperatorSignature?> SignAsync(
        OperatorAct act, string kek, Func<OperatorStatement, OperatorStatement> complete, CancellationToken cancellation)
    {
        if (_key is null && _cluster is null)
        {
            return null;
        }

        EnclaveState state = await _enclave.GetStateAsync(new GetStateRequest(), cancellationToken: cancellation);
        if (_cluster is not null && state.Cluster != _cluster)
        {
            throw new CliException($"the enclave says that it is of cluster '{state.Cluster}', not '{_cluster}': nothing was signed", ExitCode.No);
        }

        if (_key is null)
        {
            return null;
        }

        GetTicketResponse answer = await _enclave.GetTicketAsync(new GetTicketRequest { Kek = kek }, cancellationToken: cancellation);
        return _key.Sign(complete(new OperatorStatement(act, state.Cluster, state.Provider, answer.Ticket.Memory) { Kek = kek }));
    }
}
