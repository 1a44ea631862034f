using System.Security.Cryptography;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Abi.Snp;
using Cloister.Enclave.Tees;
using Cloister.Enclave.Tees.Nitro;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Enclave.Tees.Vm;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Nitro;
using CborConformanceMode = System.Formats.Cbor.CborConformanceMode;
using CborReader = System.Formats.Cbor.CborReader;
using CborReaderState = System.Formats.Cbor.CborReaderState;
using CborWriter = System.Formats.Cbor.CborWriter;
using EnclavesDocument = Cloister.Enclave.Tees.Nitro.NitroDocumentFields;
using MintedDocument = Cloister.Simulator.Nitro.NitroDocumentFields;
using MintedReport = Cloister.Simulator.Snp.SnpReportFields;
using TdReport = Cloister.Attestation.Abi.Dcap.TdReport;

namespace Cloister.Fuzz.Targets;

/// <summary>
/// The enclave's own readers of what devices give. Where the verifier takes the same bytes, both have to find the same in them: an enclave
/// that finds its report data where the broker does not would be no danger, and still a fault.
/// </summary>
internal static class DeviceTargets
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Bound = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];

    internal static IEnumerable<IFuzzTarget> All =>
    [
        new AttestationTarget("nsm-answer", Answers, ReadAnswer),
        new AttestationTarget("nsm-document", Documents, ReadDocument),
        new AttestationTarget("device-quote-sgx", () => [Platform().QuoteSgx(new EnclaveReportFields { ReportData = Bound })], ReadSgx),
        new AttestationTarget("device-quote-tdx", TdQuotes, ReadTdx),
        new AttestationTarget("device-report-snp", () => [Report(3), Report(5)], ReadSnp),
        new DevicesTarget(),
    ];

    internal static DcapPlatform Platform() => DcapVendor.Create(Now.AddYears(-1)).NewPlatform(new DcapPlatformRequest());

    internal static byte[] Report(uint version)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        return new MintedReport { Version = version, ChipId = new byte[64], ReportData = Bound, Measurement = [1] }.Sign(key);
    }

    internal static byte[] Document(byte[] userData, byte[]? nonce = null)
    {
        NitroVendor vendor = new(Now);
        using NitroSigner signer = vendor.IssueSigner(new NitroSignerRequest());
        return new MintedDocument { Timestamp = Now, CaBundle = vendor.Bundle, UserData = userData, Nonce = nonce }.Sign(signer);
    }

    /// <summary>An answer of the NSM with one member of bytes.</summary>
    internal static byte[] Answer(string kind, string member, byte[] bytes)
    {
        CborWriter writer = new();
        writer.WriteStartMap(1);
        writer.WriteTextString(kind);
        writer.WriteStartMap(1);
        writer.WriteTextString(member);
        writer.WriteByteString(bytes);
        writer.WriteEndMap();
        writer.WriteEndMap();
        return writer.Encode();
    }

    private static IReadOnlyList<byte[]> Answers() =>
    [
        Answer("Attestation", "document", new byte[40]),
        Answer("DescribePCR", "data", new byte[48]),
        Convert.FromHexString("a16b4465736372696265504352a2646c6f636bf56464617461420102"),
        Convert.FromHexString("a1654572726f726f496e76616c69644f7065726174696f6e"),
        Convert.FromHexString("bf6b4174746573746174696f6ebf68646f63756d656e744101ffff"),
    ];

    private static IReadOnlyList<byte[]> Documents() => [Document(Bound), Document(Bound, new byte[44])];

    private static IReadOnlyList<byte[]> TdQuotes()
    {
        DcapPlatform platform = Platform();
        return
        [
            platform.QuoteTdx(new TdReportFields { ReportData = Bound }),
            platform.QuoteTdx(new TdReportFields { ReportData = Bound, TeeTcbSvn2 = new byte[16] }),
        ];
    }

    private static bool ReadAnswer(byte[] input) =>
        Member(input, "document", () => NsmMessages.ReadDocument(input)) | Member(input, "data", () => NsmMessages.ReadPcr(input));

    // What is taken has to be what a CBOR library finds.
    private static bool Member(byte[] input, string name, Func<byte[]> read)
    {
        byte[] found;
        try
        {
            found = read();
        }
        catch (TeeException e) when (e.Message.Length > 0 && !e.Message.Contains('\n', StringComparison.Ordinal))
        {
            return false;
        }

        CborReader reader = new(input, CborConformanceMode.Lax);
        reader.ReadStartMap();
        reader.ReadTextString();
        reader.ReadStartMap();
        while (reader.PeekState() != CborReaderState.EndMap)
        {
            // Names are compared as bytes by the reader under test, so they need not be UTF-8.
            if (reader.ReadDefiniteLengthTextStringBytes().Span.SequenceEqual(System.Text.Encoding.ASCII.GetBytes(name)))
            {
                return reader.ReadByteString().AsSpan().SequenceEqual(found) ? true : throw new InvalidOperationException("two readers find other bytes");
            }

            reader.SkipValue();
        }

        throw new InvalidOperationException("a member was found that is not there");
    }

    private static bool ReadDocument(byte[] input)
    {
        if (!EnclavesDocument.TryRead(input, out EnclavesDocument read))
        {
            return false;
        }

        CoseSign1 message = CoseSign1.Parse(input);
        NitroDocument document = NitroDocument.Parse(message.Payload, message.PayloadOffset);
        Same(read.UserData, (document.UserData ?? default).Span);
        Same(read.Nonce, (document.Nonce ?? default).Span);
        Same(read.PublicKey, (document.PublicKey ?? default).Span);
        return true;
    }

    private static bool ReadSgx(byte[] input)
    {
        if (!SgxQuote.TryRead(input, out SgxQuote read))
        {
            return false;
        }

        EnclaveReport report = DcapQuote.Parse(input).EnclaveReport ?? throw new InvalidOperationException("no SGX quote for the verifier");
        Same(read.ReportData, report.ReportData.Span);
        Same(read.MrEnclave, report.MrEnclave.Span);
        return read.IsDebug == report.IsDebug ? true : throw new InvalidOperationException("two readers disagree on debug");
    }

    private static bool ReadTdx(byte[] input)
    {
        if (!TdQuote.TryRead(input, out TdQuote read))
        {
            return false;
        }

        TdReport report = DcapQuote.Parse(input).TdReport ?? throw new InvalidOperationException("no TDX quote for the verifier");
        Same(read.ReportData, report.ReportData.Span);
        Same(read.MrTd, report.MrTd.Span);
        Same(read.MrConfigId, report.MrConfigId.Span);
        return true;
    }

    private static bool ReadSnp(byte[] input)
    {
        if (!SnpReportFields.TryRead(input, out SnpReportFields read))
        {
            return false;
        }

        SnpReport report = SnpEvidence.Parse(input).Report;
        Same(read.ReportData, report.ReportData);
        Same(read.Measurement, report.Measurement);
        Same(read.HostData, report.HostData);
        return read.CommittedTcb == report.CommittedTcb ? true : throw new InvalidOperationException("two readers disagree on the TCB");
    }

    private static void Same(ReadOnlySpan<byte> ours, ReadOnlySpan<byte> theirs)
    {
        if (!ours.SequenceEqual(theirs))
        {
            throw new InvalidOperationException("the verifier finds other bytes");
        }
    }
}
