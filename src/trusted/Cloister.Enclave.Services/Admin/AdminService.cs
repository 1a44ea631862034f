using System.Buffers;
using Cloister.Contracts.Keys;
using Cloister.Contracts.Operators;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Services.Kms;

namespace Cloister.Enclave.Services.Admin;

/// <summary>
/// Local administration: state of any custody; KEKs of custody manual. Source: proto/cloister/enclave_admin.proto.
/// secrets: an imported KEK passes through in a buffer that is wiped; no answer holds key bytes.
/// </summary>
public sealed class AdminService
{
    /// <summary>Field of the operator's signature in every request that has one.</summary>
    internal const int SignatureField = 15;

    private readonly KmsEngine _engine;
    private readonly ManualCustody? _manual;
    private readonly EnclaveDescription _description;
    private readonly OperatorApproval _approval;
    private readonly EnclaveLog _log;

    /// <summary>Administers an engine.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="manual">Its custody, when that has KEKs of its own; else null.</param>
    /// <param name="description">What else there is to say.</param>
    /// <param name="approval">Judges operators' signatures.</param>
    /// <param name="log">Log.</param>
    public AdminService(KmsEngine engine, ManualCustody? manual, EnclaveDescription description, OperatorApproval approval, EnclaveLog log)
    {
        _engine = engine;
        _manual = manual;
        _description = description;
        _approval = approval;
        _log = log;
    }

    /// <summary>The methods by gRPC path.</summary>
    public IEnumerable<KeyValuePair<string, ServiceMethod>> Methods =>
    [
        new("/cloister.enclave.v1.Admin/GetState", Handle((_, response) => WriteState(response))),
        new("/cloister.enclave.v1.Admin/GetTicket", Handle(GetTicket)),
        new("/cloister.enclave.v1.Admin/CreateKek", Handle(Create)),
        new("/cloister.enclave.v1.Admin/ImportKek", Handle(Import)),
        new("/cloister.enclave.v1.Admin/RetireKek", Handle(Retire)),
        new("/cloister.enclave.v1.Admin/Wipe", Handle(Wipe)),
    ];

    private ManualCustody Manual => _manual
        ?? throw new FailureException(FailureKind.NotReady, $"custody {_engine.Custody.Name} has no KEKs of its own: manage them in the remote KMS");

    private static ServiceMethod Handle(Action<ReadOnlyMemory<byte>, IBufferWriter<byte>> method) => (request, response, _) =>
    {
        try
        {
            method(request, response);
            return ValueTask.CompletedTask;
        }
        catch (WireException e)
        {
            throw new FailureException(FailureKind.Invalid, $"the request is not an admin message: {e.Message}");
        }
        catch (SealException e)
        {
            throw new FailureException(FailureKind.NotReady, e.Message);
        }
    };

    private void GetTicket(ReadOnlyMemory<byte> request, IBufferWriter<byte> response)
    {
        _ = Manual;
        (string kek, _) = Read(request);
        if (kek.Length > 0 && !KekIdentity.IsValidName(kek))
        {
            throw new FailureException(FailureKind.Invalid, "a ticket is for the name of a KEK, or for none");
        }

        new ProtoWriter(response).Bytes(1, _approval.Ticket(kek));
    }

    private void Create(ReadOnlyMemory<byte> request, IBufferWriter<byte> response)
    {
        ManualCustody custody = Manual;
        (string name, OperatorSignature signature) = Read(request);
        _approval.Require(signature, _approval.Statement(OperatorAct.Create, signature.Ticket) with { Kek = name, Active = true });
        Kek kek = custody.Create(name);
        _log.Administration("created KEK", kek.KeyId);
        WriteKek(response, kek);
    }

    private void Import(ReadOnlyMemory<byte> request, IBufferWriter<byte> response)
    {
        ManualCustody custody = Manual;
        OperatorSignature signature = default;
        string name = "";
        ulong version = 0;
        Range key = default;
        bool inactive = false;
        ProtoReader reader = new(request.Span);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.String();
                    break;
                case 2:
                    version = reader.Integer();
                    break;
                case 3:
                    key = reader.BytesRange();
                    break;
                case 4:
                    inactive = reader.Integer() != 0;
                    break;
                case SignatureField:
                    signature = OperatorSignature.Read(request[reader.BytesRange()]);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (version > uint.MaxValue)
        {
            throw new FailureException(FailureKind.Invalid, "a KEK's version has 32 bits");
        }

        Span<byte> copy = stackalloc byte[SecretKey.Size];
        try
        {
            ReadOnlySpan<byte> given = request.Span[key];
            if (given.Length != copy.Length)
            {
                throw new FailureException(FailureKind.Invalid, $"a KEK has {copy.Length} bytes, {given.Length} were given");
            }

            given.CopyTo(copy);
            _approval.Require(signature, _approval.Statement(OperatorAct.Import, signature.Ticket) with
            {
                Kek = name, Version = (uint)version, Active = !inactive, KeyDigest = System.Security.Cryptography.SHA256.HashData(copy),
            });
            Kek kek = custody.Import(name, (uint)version, copy, activate: !inactive);
            _log.Administration("imported KEK", kek.KeyId);
            WriteKek(response, kek);
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(copy);
        }
    }

    private void Retire(ReadOnlyMemory<byte> request, IBufferWriter<byte> response)
    {
        ManualCustody custody = Manual;
        (string keyId, OperatorSignature signature) = Read(request);
        _approval.Require(signature, _approval.Statement(OperatorAct.Retire, signature.Ticket) with { KeyId = keyId });
        custody.Retire(keyId);
        _log.Administration("retired KEK", keyId);
        WriteState(response);
    }

    private void Wipe(ReadOnlyMemory<byte> request, IBufferWriter<byte> response)
    {
        ManualCustody custody = Manual;
        (_, OperatorSignature signature) = Read(request);
        _approval.Require(signature, _approval.Statement(OperatorAct.Wipe, signature.Ticket));
        custody.Wipe();
        _log.Administration("wiped", "all KEKs");
        WriteState(response);
    }

    // A request with one text, in field 1, and a signature.
    private static (string Text, OperatorSignature Signature) Read(ReadOnlyMemory<byte> request)
    {
        string text = "";
        OperatorSignature signature = default;
        ProtoReader reader = new(request.Span);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    text = reader.String();
                    break;
                case SignatureField:
                    signature = OperatorSignature.Read(request[reader.BytesRange()]);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (text, signature);
    }

    private void WriteState(IBufferWriter<byte> response)
    {
        CustodyStatus status = _engine.Custody.Status;
        ProtoWriter writer = new(response);
        writer.String(1, _engine.Tee);
        writer.String(2, _engine.Custody.Name);
        writer.String(3, _description.Cluster);
        writer.String(4, _description.Provider);
        writer.String(5, status.KeyId ?? "");
        if (_manual is { } manual)
        {
            foreach (Kek kek in manual.Ring.All)
            {
                WriteMessage(writer, 6, nested => WriteKek(nested, kek));
            }
        }

        writer.String(7, status.Healthz);
        writer.String(8, _description.MemoryProtection);
        foreach ((string name, long value) in Counters())
        {
            CounterMessage.Write(writer, 9, name, value);
        }

        if (_engine.Custody.Lease is { } lease)
        {
            WriteMessage(writer, 10, nested => LeaseStateMessage.Write(nested, lease));
        }

        foreach (LeaseReport more in _engine.Custody.MoreLeases)
        {
            WriteMessage(writer, 11, nested => LeaseStateMessage.Write(nested, more));
        }

        if (_manual is not null)
        {
            foreach (string one in _approval.Operators)
            {
                writer.String(12, one);
            }
        }

        writer.String(13, _description.Version);
        writer.String(14, $"{status.Reason}");
        foreach (CallMeter meter in _engine.Counters.Meters)
        {
            CounterMessage.Write(writer, 15, meter);
        }

        foreach ((string name, DurationMeter meter) in _description.Durations)
        {
            CounterMessage.Write(writer, 16, name, meter);
        }
    }

    private IEnumerable<(string Name, long Value)> Counters()
    {
        yield return ("encryptions", _engine.Counters.Encryptions);
        yield return ("decryptions", _engine.Counters.Decryptions);
        yield return ("failures", _engine.Counters.Failures);
        yield return ("connections_refused", _engine.Counters.ConnectionsRefused);
        yield return ("connections_gave_way", _engine.Counters.ConnectionsGaveWay);
        yield return ("requests_gave_way", _engine.Counters.RequestsGaveWay);
        foreach ((string name, Func<long> value) in _description.MoreCounters)
        {
            yield return (name, value());
        }
    }

    private void WriteKek(IBufferWriter<byte> output, Kek kek) => KekInfoMessage.Write(output, kek, Manual.Ring.IsActive(kek));

    private static void WriteMessage(ProtoWriter writer, int field, Action<IBufferWriter<byte>> write)
    {
        ArrayBufferWriter<byte> nested = new();
        write(nested);
        writer.Bytes(field, nested.WrittenSpan);
    }
}
