using System.Text.Json;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>Identity of Intel's quoting enclave, version 2 (Intel PCS API, Get Quoting Enclave Identity). Signed by Intel's TCB signing key.</summary>
public sealed class EnclaveIdentity
{
    private static readonly JsonFieldNames Fields = new(
        "enclaveIdentity", "id", "version", "issueDate", "nextUpdate", "tcbEvaluationDataNumber", "miscselect", "miscselectMask", "attributes", "attributesMask", "mrsigner", "isvprodid", "tcbLevels");

    private EnclaveIdentity()
    {
    }

    /// <summary>The bytes that are signed: the inner object as received.</summary>
    public ReadOnlyMemory<byte> SignedBytes { get; private init; }

    /// <summary>ECDSA P-256, r || s.</summary>
    public ReadOnlyMemory<byte> Signature { get; private init; }

    /// <summary><c>QE</c> (SGX) or <c>TD_QE</c> (TDX).</summary>
    public string Id { get; private set; } = "";

    /// <summary>When it was issued.</summary>
    public DateTimeOffset IssueDate { get; private set; }

    /// <summary>When the next one is due.</summary>
    public DateTimeOffset NextUpdate { get; private set; }

    /// <summary>Grows with every evaluation at Intel.</summary>
    public int TcbEvaluationDataNumber { get; private set; }

    /// <summary>Expected MISCSELECT under <see cref="MiscSelectMask"/>, 4 bytes in the report's order.</summary>
    public ReadOnlyMemory<byte> MiscSelect { get; private set; }

    /// <summary>Which bits of MISCSELECT count.</summary>
    public ReadOnlyMemory<byte> MiscSelectMask { get; private set; }

    /// <summary>Expected ATTRIBUTES under <see cref="AttributesMask"/>, 16 bytes in the report's order.</summary>
    public ReadOnlyMemory<byte> Attributes { get; private set; }

    /// <summary>Which bits of ATTRIBUTES count.</summary>
    public ReadOnlyMemory<byte> AttributesMask { get; private set; }

    /// <summary>Expected signer, 32 bytes.</summary>
    public ReadOnlyMemory<byte> MrSigner { get; private set; }

    /// <summary>Expected product.</summary>
    public int IsvProdId { get; private set; }

    /// <summary>Levels, highest first.</summary>
    public IReadOnlyList<IsvSvnLevel> Levels { get; private set; } = [];

    /// <summary>Reads a body of the PCS API.</summary>
    /// <exception cref="EvidenceFormatException">It is not exactly as specified.</exception>
    public static EnclaveIdentity Parse(ReadOnlyMemory<byte> utf8)
    {
        (ReadOnlyMemory<byte> signed, ReadOnlyMemory<byte> signature) = SignedJson.Split(utf8, "enclaveIdentity");
        StrictJson.RefuseNewer(signed.Span, "enclaveIdentity.version", EvidenceVersions.EnclaveIdentity);
        EnclaveIdentity identity = new() { SignedBytes = signed, Signature = signature };
        Utf8JsonReader reader = StrictJson.Open(signed.Span);
        StrictJson.BeginObject(ref reader, "enclaveIdentity");
        uint seen = 0;
        for (int field; (field = StrictJson.NextField(ref reader, Fields, ref seen)) >= 0;)
        {
            identity.ReadField(ref reader, field, Fields.PathOf(field));
        }

        StrictJson.Require(ref reader, Fields, seen, 0b1111_1111_1111);
        return identity;
    }

    private void ReadField(ref Utf8JsonReader reader, int field, string path)
    {
        switch (field)
        {
            case 0:
                Id = StrictJson.Text(ref reader, path, 8);
                break;
            case 1:
                int version = StrictJson.Number(ref reader, path, 1000);
                _ = EvidenceVersions.EnclaveIdentity.Contains((uint)version) ? version : throw StrictJson.UnknownVersion(ref reader, path, version, EvidenceVersions.EnclaveIdentity);
                break;
            case 2:
                IssueDate = StrictJson.Moment(ref reader, path);
                break;
            case 3:
                NextUpdate = StrictJson.Moment(ref reader, path);
                break;
            case 4:
                TcbEvaluationDataNumber = StrictJson.Number(ref reader, path, int.MaxValue);
                break;
            case 5:
                MiscSelect = StrictJson.Hex(ref reader, path, 4);
                break;
            case 6:
                MiscSelectMask = StrictJson.Hex(ref reader, path, 4);
                break;
            case 7:
                Attributes = StrictJson.Hex(ref reader, path, 16);
                break;
            case 8:
                AttributesMask = StrictJson.Hex(ref reader, path, 16);
                break;
            case 9:
                MrSigner = StrictJson.Hex(ref reader, path, 32);
                break;
            case 10:
                IsvProdId = StrictJson.Number(ref reader, path, ushort.MaxValue);
                break;
            default:
                Levels = IsvSvnLevelReader.Read(ref reader, path);
                break;
        }
    }
}
