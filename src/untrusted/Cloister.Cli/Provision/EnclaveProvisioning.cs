using System.Security.Cryptography;
using Cloister.Cli.Operators;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Operators;

namespace Cloister.Cli.Provision;

/// <summary>An operator gives an enclave of custody manual a KEK: challenge, verdict, then the KEK for that enclave alone. Source: docs/provisioning.md.</summary>
internal static class EnclaveProvisioning
{
    private const int NonceSize = 32;

    /// <summary>Challenges the enclave and judges its answer here; only then reads the KEK and sends it. secrets: the KEK, wiped afterwards.</summary>
    /// <param name="client">The enclave.</param>
    /// <param name="terms">Which enclave may have the KEK.</param>
    /// <param name="key">The operator's key; null: nothing is signed.</param>
    /// <param name="readKek">Gives the KEK, 32 bytes; not called for an enclave that is refused.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="RefusedEnclaveException">It is not to be given a KEK.</exception>
    /// <exception cref="CliException">The answer cannot be judged, or it names another KEK than was sent.</exception>
    internal static async Task<(KekInfo Kek, AppraisedEnclave Enclave)> RunAsync(
        Admin.AdminClient client, ProvisioningTerms terms, OperatorKey? key, Func<byte[]> readKek, CancellationToken cancellation)
    {
        string nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceSize));
        GetEvidenceResponse answer = await client.GetEvidenceAsync(new GetEvidenceRequest { Nonce = nonce, Kek = terms.Name }, cancellationToken: cancellation);
        AppraisedEnclave accepted = EnclaveAppraisal.Judge(
            answer.Tee, answer.Attestation, new EnclaveExpectation(nonce, terms.Name, terms.Configuration), terms.Policy, terms.Roots, terms.Collateral);

        // Read only now: for an enclave that is refused it does not leave its file.
        byte[] kek = readKek();
        try
        {
            string jwe = KekParcel.Seal(accepted.Key, answer.Ticket.Span, terms.Name, terms.Version, terms.Inactive, kek);
            string expected = KekParcel.KeyIdOf(terms.Name, terms.Version, kek);
            OperatorStatement change = new(OperatorAct.Provision, accepted.Statement.Cluster, accepted.Statement.Provider, answer.Ticket.Memory)
            {
                Kek = terms.Name, Version = terms.Version, Active = !terms.Inactive, KeyDigest = SHA256.HashData(kek),
            };
            KekInfo info = await client.ProvisionKekAsync(new ProvisionKekRequest { Jwe = jwe, Operator = key?.Sign(change) }, cancellationToken: cancellation);
            return info.KeyId == expected
                ? (info, accepted)
                : throw new CliException($"the answer names key_id {info.KeyId} and not {expected}: something between here and the enclave changes answers", ExitCode.No);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(kek);
        }
    }
}
