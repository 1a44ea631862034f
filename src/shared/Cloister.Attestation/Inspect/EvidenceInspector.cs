using System.Buffers.Binary;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Azure;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Inspect;

/// <summary>Shows evidence without verifying it: for people who look at a file, not for decisions.</summary>
public static class EvidenceInspector
{
    /// <summary>The kind of evidence by its first bytes; whether it is well-formed shows only when it is read.</summary>
    public static Tee? Recognise(ReadOnlySpan<byte> evidence)
    {
        // Of a version that is known or newer: reading it says which.
        if (evidence.Length >= QuoteHeader.Length && IsVersion(BinaryPrimitives.ReadUInt16LittleEndian(evidence), EvidenceVersions.Quote)
            && evidence.Slice(12, 4).SequenceEqual((ReadOnlySpan<byte>)[0x93, 0x9A, 0x72, 0x33]))
        {
            return BinaryPrimitives.ReadUInt32LittleEndian(evidence[4..]) == QuoteHeader.TdxTeeType ? Tee.Tdx : Tee.Sgx;
        }

        if (HclReport.Recognises(evidence)
            || (evidence.Length >= SnpReport.Length && IsVersion(BinaryPrimitives.ReadUInt32LittleEndian(evidence), EvidenceVersions.SnpReport)
                && BinaryPrimitives.ReadUInt32LittleEndian(evidence[SnpReportLayout.Vmpl..]) < 4
                && (BinaryPrimitives.ReadUInt64LittleEndian(evidence[SnpReportLayout.Policy..]) & SnpGuestPolicy.ReservedOneBit) != 0))
        {
            return Tee.Snp;
        }

        if (AzureEvidence.Recognise(evidence) is { } azure)
        {
            return azure;
        }

        // COSE_Sign1: an array of four (definite or not), or tag 18 before it.
        return evidence.Length > 0 && evidence[0] is 0x84 or 0x9F or 0xD2 ? Tee.Nitro : null;
    }

    private static bool IsVersion(uint version, ReadOnlySpan<uint> known) => known.Contains(version) || EvidenceVersions.IsNewer(version, known);

    /// <summary>Reads evidence of the kind <paramref name="tee"/>.</summary>
    /// <exception cref="EvidenceFormatException">It is malformed.</exception>
    public static InspectedEvidence Inspect(Tee tee, ReadOnlyMemory<byte> evidence) => tee switch
    {
        Tee.Sgx or Tee.Tdx => InspectQuote(evidence),
        Tee.Snp => InspectReport(SnpEvidence.Parse(evidence)),
        Tee.Nitro => InspectDocument(CoseSign1.Parse(evidence)),
        Tee.AzureSnp or Tee.AzureTdx => InspectAzure(AzureEvidence.Parse(tee, evidence)),
        _ => throw new ArgumentOutOfRangeException(nameof(tee)),
    };

    private static InspectedEvidence InspectQuote(ReadOnlyMemory<byte> evidence)
    {
        DcapQuote quote = DcapQuote.Parse(evidence);
        ClaimSet body = [];
        if (quote.EnclaveReport is { } enclave)
        {
            SgxClaims.DescribeReport(enclave, body);
        }
        else
        {
            TdxClaims.DescribeReport(quote.TdReport!, body);
        }

        ClaimSet qe = [];
        SgxClaims.DescribeReport(quote.SignatureData.QeReport, qe);
        List<InspectedSection> sections = [new("header", QuoteSections.Header(quote)), new("body", body), new("qe_report", qe), new("signature_data", QuoteSections.Signature(quote))];
        if (quote.SignatureData.CertificationDataType == QuoteSignatureData.PckChain)
        {
            IReadOnlyList<Certificate> chain = PemCertificates.Parse(quote.SignatureData.CertificationData.Span);
            if (chain[0].Find(DerOid.SgxExtensions) is not null)
            {
                sections.Add(new InspectedSection("pck", QuoteSections.Pck(PckExtension.Parse(chain[0]))));
            }

            AddCertificates(sections, chain);
        }

        return new InspectedEvidence(quote.Tee, sections);
    }

    private static InspectedEvidence InspectReport(SnpEvidence evidence)
    {
        // A version 2 report does not name its product line; Milan and Genoa lay out the TCB alike.
        SnpProductLine product = evidence.Report.Processor?.ProductLine ?? SnpProductLine.Milan;
        List<InspectedSection> sections = [new("report", new SnpClaims(evidence.Report, product, null, evidence.RuntimeData).All)];
        if (evidence.RuntimeData is { } runtime)
        {
            ClaimSet fields = [];
            fields.Add("length", (ulong)runtime.Length);
            fields.Add("text", System.Text.Encoding.UTF8.GetString(runtime.Span));
            sections.Add(new InspectedSection("runtime_data", fields));
        }

        if (evidence.Certificates is { } table)
        {
            ClaimSet fields = [];
            for (int i = 0; i < table.Entries.Count; i++)
            {
                fields.Add($"{table.Entries[i].Kind}_{i}".ToLowerInvariant(), (ulong)table.Entries[i].Data.Length);
            }

            sections.Add(new InspectedSection("certificate_table", fields));
        }

        return new InspectedEvidence(Tee.Snp, sections);
    }

    private static InspectedEvidence InspectAzure(AzureEvidence evidence)
    {
        ClaimSet guest = [];
        AzureClaims.DescribeGuest(evidence, guest);
        InspectedEvidence hardware = evidence.Tee == Tee.AzureSnp ? InspectReport(SnpEvidence.Parse(evidence.Hcl.Bytes)) : InspectQuote(evidence.TdQuote);
        List<InspectedSection> sections = [new("vtpm", guest), .. hardware.Sections];
        AddCertificates(sections, [.. evidence.Endorsements.EndorsementKeys, .. evidence.Endorsements.Authorities]);
        return new InspectedEvidence(evidence.Tee, sections);
    }

    private static InspectedEvidence InspectDocument(CoseSign1 message)
    {
        NitroDocument document = NitroDocument.Parse(message.Payload, message.PayloadOffset);
        ClaimSet cose = [];
        cose.Add("tagged", message.IsTagged);
        cose.Add("protected", message.ProtectedHeader);
        cose.Add("payload_length", (ulong)message.Payload.Length);
        cose.Add("signature", message.Signature);
        List<InspectedSection> sections = [new("cose", cose), new("document", new NitroClaims(document).All)];
        List<Certificate> chain = [Certificate.Parse(document.Certificate)];
        chain.AddRange(document.CaBundle.Reverse().Select(Certificate.Parse));
        AddCertificates(sections, chain);
        return new InspectedEvidence(Tee.Nitro, sections);
    }

    private static void AddCertificates(List<InspectedSection> sections, IReadOnlyList<Certificate> chain)
    {
        for (int i = 0; i < chain.Count; i++)
        {
            ClaimSet fields = [];
            fields.Add("common_name", chain[i].CommonName);
            fields.Add("serial_number", chain[i].SerialNumber);
            fields.Add("not_before", QuoteSections.Moment(chain[i].NotBefore));
            fields.Add("not_after", QuoteSections.Moment(chain[i].NotAfter));
            fields.Add("key", chain[i].PublicKey.Kind.ToString());
            fields.Add("sha256", chain[i].Sha256);
            sections.Add(new InspectedSection($"certificate_{i}", fields));
        }
    }
}
