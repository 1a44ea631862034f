using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.Attestation.Certificates;

namespace Cloister.Simulator.Dcap;

/// <summary>A simulated platform with a PCK certificate, a quoting enclave and an attestation key. Safe to use from one thread at a time.</summary>
public sealed class DcapPlatform : IDisposable
{
    private readonly DcapAuthority _pck;
    private readonly ECDsa _attestationKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    internal DcapPlatform(DcapPlatformRequest request, DcapAuthority pck, IReadOnlyList<Certificate> chain)
    {
        Request = request;
        _pck = pck;
        PckChain = chain;
    }

    /// <summary>What was asked for.</summary>
    public DcapPlatformRequest Request { get; }

    /// <summary>PCK certificate, its authority, the root.</summary>
    public IReadOnlyList<Certificate> PckChain { get; }

    /// <summary>Restores a platform from <see cref="Export"/>, with a new attestation key.</summary>
    public static DcapPlatform Import(DcapPlatformRequest request, string exported)
    {
        ArgumentNullException.ThrowIfNull(exported);
        IReadOnlyList<Certificate> chain = PemCertificates.Parse(System.Text.Encoding.ASCII.GetBytes(exported[exported.IndexOf("-----BEGIN CERTIFICATE", StringComparison.Ordinal)..]));
        return new DcapPlatform(request, DcapAuthority.Import(exported), chain);
    }

    /// <summary>PCK key and chain, PEM. A development secret.</summary>
    public string Export() => _pck.Export() + string.Concat(PckChain.Skip(1).Select(DcapAuthority.PemOf));

    /// <summary>Makes an SGX quote, version 3.</summary>
    public byte[] QuoteSgx(EnclaveReportFields report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return Quote(new DcapQuoteRequest { Body = report.Encode() });
    }

    /// <summary>Makes a TDX quote, version 4 for a report 1.0, version 5 for a report 1.5.</summary>
    public byte[] QuoteTdx(TdReportFields report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return Quote(new DcapQuoteRequest { Version = report.TeeTcbSvn2.IsEmpty ? (ushort)4 : (ushort)5, TeeType = 0x81, Body = report.Encode() });
    }

    /// <summary>Makes a quote.</summary>
    public byte[] Quote(DcapQuoteRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        byte[] signed = SignedPart(request);
        byte[] signature = _attestationKey.SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        byte[] key = AttestationKey();
        byte[] qeReport = (request.QeReport with { ReportData = request.QeReportData ?? Binding(key, request.QeAuthData.Span) }).Encode();
        byte[] chain = request.CertificationDataType == 5 ? [.. DcapVendor.Pem([.. request.Chain ?? PckChain]), 0] : new byte[34];
        byte[] certification =
        [
            .. qeReport,
            .. (request.QeReportSigner ?? _pck).Sign(qeReport),
            .. U16((ushort)request.QeAuthData.Length), .. request.QeAuthData.Span,
            .. U16(request.CertificationDataType), .. U32((uint)chain.Length), .. chain,
        ];
        if (request.Version > 3)
        {
            certification = [.. U16(6), .. U32((uint)certification.Length), .. certification];
        }

        return [.. signed, .. U32((uint)(128 + certification.Length)), .. signature, .. key, .. certification, .. new byte[request.Padding]];
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _pck.Dispose();
        _attestationKey.Dispose();
    }

    private static byte[] SignedPart(DcapQuoteRequest request)
    {
        byte[] header =
        [
            .. U16(request.Version), .. U16(2), .. U32(request.TeeType), .. U16(request.Version == 3 ? (ushort)8 : (ushort)0), .. U16(request.Version == 3 ? (ushort)13 : (ushort)0),
            .. request.QeVendorId.Span, .. new byte[20],
        ];
        if (request.Version != 5)
        {
            return [.. header, .. request.Body.Span];
        }

        ushort type = request.Body.Length switch { 384 => 1, 584 => 2, _ => 3 };
        return [.. header, .. U16(type), .. U32((uint)request.Body.Length), .. request.Body.Span];
    }

    private static byte[] Binding(byte[] key, ReadOnlySpan<byte> authData)
    {
        byte[] data = new byte[64];
        SHA256.HashData([.. key, .. authData], data);
        return data;
    }

    private static byte[] U16(ushort value)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] U32(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private byte[] AttestationKey()
    {
        ECPoint point = _attestationKey.ExportParameters(false).Q;
        return [.. point.X!, .. point.Y!];
    }
}
