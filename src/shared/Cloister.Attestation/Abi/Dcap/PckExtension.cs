using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>The SGX extension of a PCK certificate, OID 1.2.840.113741.1.13.1 (Intel SGX PCK Certificate and CRL Profile, 1.3.5). Values are read by identifier, each exactly once.</summary>
public sealed class PckExtension
{
    private readonly byte[] _components = new byte[16];

    private PckExtension()
    {
    }

    /// <summary>Platform provisioning identity, 16 bytes.</summary>
    public ReadOnlyMemory<byte> Ppid { get; private set; }

    /// <summary>The 16 component security versions.</summary>
    public ReadOnlyMemory<byte> TcbComponents => _components;

    /// <summary>Security version of the provisioning certification enclave.</summary>
    public ushort PceSvn { get; private set; }

    /// <summary>Raw security version of the processor, 16 bytes. Levels are matched by <see cref="TcbComponents"/>.</summary>
    public ReadOnlyMemory<byte> CpuSvn { get; private set; }

    /// <summary>Identity of the provisioning certification enclave, 2 bytes.</summary>
    public ReadOnlyMemory<byte> PceId { get; private set; }

    /// <summary>Family, model, stepping, platform, custom SKU; 6 bytes.</summary>
    public ReadOnlyMemory<byte> Fmspc { get; private set; }

    /// <summary>How memory is protected.</summary>
    public SgxType SgxType { get; private set; }

    /// <summary>Identity of the platform, 16 bytes; empty in certificates of the Processor CA.</summary>
    public ReadOnlyMemory<byte> PlatformInstanceId { get; private set; }

    /// <summary>Whether packages can be added; null when not said.</summary>
    public bool? DynamicPlatform { get; private set; }

    /// <summary>Whether platform root keys are cached by the registration service; null when not said.</summary>
    public bool? CachedKeys { get; private set; }

    /// <summary>Whether simultaneous multithreading is on; null when not said.</summary>
    public bool? SmtEnabled { get; private set; }

    /// <summary>Reads the extension of <paramref name="certificate"/>.</summary>
    /// <exception cref="EvidenceFormatException">It is missing or not as specified.</exception>
    public static PckExtension Parse(Certificate certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        CertificateExtension extension = certificate.Find(DerOid.SgxExtensions)
            ?? throw new EvidenceFormatException("pck.sgx_extension", 0, "missing");
        PckExtension pck = new();
        DerReader outer = new(extension.Value.Span, "pck", extension.Offset);
        DerReader sequence = outer.Sequence("sgx_extension");
        outer.End();
        uint seen = 0;
        while (sequence.HasData)
        {
            DerReader item = sequence.Sequence("item");
            int id = ReadId(ref item, DerOid.SgxExtensions, 7, ref seen);
            pck.ReadItem(ref item, id, certificate.Der);
            item.End();
        }

        bool complete = seen is 0b0011_1110 or 0b1111_1110 or 0b0111_1110;
        return complete ? pck : throw sequence.Error("item", "a mandatory item is missing");
    }

    private void ReadItem(ref DerReader item, int id, ReadOnlyMemory<byte> der)
    {
        switch (id)
        {
            case 1:
                Ppid = Octets(ref item, "ppid", 16, der);
                break;
            case 2:
                ReadTcb(item.Sequence("tcb"), der);
                break;
            case 3:
                PceId = Octets(ref item, "pceid", 2, der);
                break;
            case 4:
                Fmspc = Octets(ref item, "fmspc", 6, der);
                break;
            case 5:
                int type = DerReader.SmallValue(item.Enumerated("sgx_type"));
                SgxType = type is >= 0 and <= 2 ? (SgxType)type : throw item.Error("sgx_type", "unknown");
                break;
            case 6:
                PlatformInstanceId = Octets(ref item, "platform_instance_id", 16, der);
                break;
            default:
                ReadConfiguration(item.Sequence("configuration"));
                break;
        }
    }

    private void ReadTcb(DerReader tcb, ReadOnlyMemory<byte> der)
    {
        ReadOnlySpan<byte> prefix = [.. DerOid.SgxExtensions, 2];
        uint seen = 0;
        while (tcb.HasData)
        {
            DerReader item = tcb.Sequence("item");
            int id = ReadId(ref item, prefix, 18, ref seen);
            if (id <= 16)
            {
                _components[id - 1] = (byte)item.SmallInteger("component", 255);
            }
            else if (id == 17)
            {
                PceSvn = (ushort)item.SmallInteger("pcesvn", ushort.MaxValue);
            }
            else
            {
                CpuSvn = Octets(ref item, "cpusvn", 16, der);
            }

            item.End();
        }

        if (seen != 0b111_1111_1111_1111_1110)
        {
            throw tcb.Error("item", "a component is missing");
        }
    }

    private void ReadConfiguration(DerReader configuration)
    {
        ReadOnlySpan<byte> prefix = [.. DerOid.SgxExtensions, 7];
        uint seen = 0;
        while (configuration.HasData)
        {
            DerReader item = configuration.Sequence("item");
            int id = ReadId(ref item, prefix, 3, ref seen);
            bool value = item.Boolean("value");
            item.End();
            switch (id)
            {
                case 1:
                    DynamicPlatform = value;
                    break;
                case 2:
                    CachedKeys = value;
                    break;
                default:
                    SmtEnabled = value;
                    break;
            }
        }
    }

    /// <summary>The last arc of an identifier that must be <paramref name="prefix"/> plus one arc from 1 to <paramref name="maximum"/>, not seen before.</summary>
    private static int ReadId(ref DerReader item, scoped ReadOnlySpan<byte> prefix, int maximum, ref uint seen)
    {
        ReadOnlySpan<byte> oid = item.Oid("id");
        int id = oid.Length == prefix.Length + 1 && oid.StartsWith(prefix) ? oid[^1] : 0;
        if (id < 1 || id > maximum || (seen & (1u << id)) != 0)
        {
            throw item.Error("id", "unknown, or there twice");
        }

        seen |= 1u << id;
        return id;
    }

    private static ReadOnlyMemory<byte> Octets(ref DerReader item, string field, int length, ReadOnlyMemory<byte> der)
    {
        ReadOnlySpan<byte> octets = item.OctetString(field);
        return octets.Length == length ? der.Slice(item.Offset - length, length) : throw item.Error(field, $"{octets.Length} bytes, expected {length}");
    }
}
