using System.Buffers;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys;

namespace Cloister.Enclave.Services.Admin;

/// <summary>GetEvidence and ProvisionKek of proto/cloister/enclave_admin.proto. secrets: none in clear.</summary>
public sealed class ProvisioningService
{
    private readonly string _custody;
    private readonly ManualCustody? _manual;
    private readonly ProvisioningExchange? _exchange;
    private readonly EnclaveLog _log;

    /// <summary>Serves an exchange.</summary>
    /// <param name="custody">Name of the custody.</param>
    /// <param name="manual">Takes the KEKs; null: that custody is another one.</param>
    /// <param name="exchange">The exchange, or null where there is none.</param>
    /// <param name="log">Log.</param>
    public ProvisioningService(string custody, ManualCustody? manual, ProvisioningExchange? exchange, EnclaveLog log)
    {
        _custody = custody;
        _manual = manual;
        _exchange = exchange;
        _log = log;
    }

    /// <summary>The methods by gRPC path.</summary>
    public IEnumerable<KeyValuePair<string, ServiceMethod>> Methods =>
    [
        new("/cloister.enclave.v1.Admin/GetEvidence", GetEvidenceAsync),
        new("/cloister.enclave.v1.Admin/ProvisionKek", ProvisionAsync),
    ];

    private ManualCustody Manual => _manual
        ?? throw new FailureException(FailureKind.NotReady, $"custody {_custody} has no KEKs of its own: manage them at the broker or in the remote KMS");

    private ProvisioningExchange Exchange => _exchange
        ?? throw new FailureException(FailureKind.NotReady, "this TEE gives no evidence, so nobody can verify this enclave; 'cloister kek import' trusts it unseen");

    private async ValueTask GetEvidenceAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        _ = Manual;
        (string nonce, string kek, _) = Parts(request);
        (string attestation, byte[] ticket) = await Exchange.ChallengeAsync(nonce, kek, call.Cancellation);
        _log.Administration("gave evidence for KEK", kek);
        ProtoWriter writer = new(response);
        writer.String(1, Exchange.Tee);
        writer.String(2, attestation);
        writer.Bytes(3, ticket);
    }

    private ValueTask ProvisionAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        try
        {
            ManualCustody custody = Manual;
            (string jwe, _, OperatorSignature signature) = Parts(request);
            Kek kek = Exchange.Provision(jwe, signature, custody);
            _log.Administration("provisioned KEK", kek.KeyId);
            KekInfoMessage.Write(response, kek, custody.Ring.IsActive(kek));
            return ValueTask.CompletedTask;
        }
        catch (SealException e)
        {
            throw new FailureException(FailureKind.NotReady, e.Message);
        }
    }

    // A request with texts in fields 1 and 2, and a signature in 15.
    private static (string First, string Second, OperatorSignature Signature) Parts(ReadOnlyMemory<byte> request)
    {
        try
        {
            string[] texts = ["", ""];
            OperatorSignature signature = default;
            ProtoReader reader = new(request.Span);
            while (reader.Next())
            {
                switch (reader.Field)
                {
                    case 1 or 2:
                        texts[reader.Field - 1] = reader.String();
                        break;
                    case AdminService.SignatureField:
                        signature = OperatorSignature.Read(request[reader.BytesRange()]);
                        break;
                    default:
                        reader.Skip();
                        break;
                }
            }

            return (texts[0], texts[1], signature);
        }
        catch (WireException e)
        {
            throw new FailureException(FailureKind.Invalid, $"the request is not an admin message: {e.Message}");
        }
    }
}
