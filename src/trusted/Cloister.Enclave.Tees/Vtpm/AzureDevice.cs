using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Vm;

namespace Cloister.Enclave.Tees.Vtpm;

/// <summary>
/// Evidence of a confidential VM of Azure: the paravisor's report from the vTPM's index, a quote by the vTPM's attestation key over what is asked, the registers, and for TDX a quote of the
/// trust domain from the local service. secrets: none.
/// </summary>
internal sealed class AzureDevice : IEvidenceDevice
{
    /// <summary>Where the paravisor leaves its report.</summary>
    internal const uint ReportIndex = 0x01400001;

    /// <summary>Where it leaves the attestation key.</summary>
    internal const uint AttestationKey = 0x81000003;

    private const int AllRegisters = 0xFFFFFF;

    // What the vTPM signs along has room for 48 bytes: the digest without the zeros that report data ends with.
    private const int QualifyingSize = 48;

    private readonly IDevices _devices;
    private readonly bool _isTdx;

    internal AzureDevice(IDevices devices, bool isTdx)
    {
        _devices = devices;
        _isTdx = isTdx;
    }

    public string Tee => _isTdx ? "az-tdx-vtpm" : "az-snp-vtpm";

    public JsonElement Collect(EvidenceBinding binding)
    {
        ReadOnlySpan<byte> asked = binding.ReportData.Span[..QualifyingSize];
        if (binding.ReportData.Span[QualifyingSize..].ContainsAnyExcept((byte)0))
        {
            throw new TeeException($"more than {QualifyingSize} bytes are to be bound, for which a vTPM has no room");
        }

        using TpmChannel tpm = new(_devices);
        byte[] report = ReadReport(tpm);
        if (!HclFields.TryRead(report, out HclFields hcl) || hcl.IsTdx != _isTdx)
        {
            throw NoReport(report.Length);
        }

        (byte[] attest, byte[] signature) = Tpm.Quote(tpm, AttestationKey, asked);
        byte[][] registers = Tpm.ReadRegisters(tpm, AllRegisters);
        if (!Covers(attest, asked, registers))
        {
            throw new TeeException("the vTPM's quote does not cover what was asked, or a register changed meanwhile", isPassing: true);
        }

        return Write(report, attest, signature, registers, _isTdx ? QuoteDomain(hcl) : null);
    }

    public TeeException Explain(DeviceException refusal) => Advice(refusal);

    internal static TeeException Advice(DeviceException refusal) => refusal.IsPermission
        ? new TeeException($"{refusal.Message}: run the enclave as root, or give its user access to {TpmChannel.Device} (group tss)")
        : new TeeException($"{refusal.Message}: the kernel's TPM driver (tpm_crb or tpm_tis, with CONFIG_HW_RANDOM_TPM) does not answer; see the kernel's log (dmesg)", isPassing: true);

    internal static byte[] ReadReport(TpmChannel tpm) => Tpm.ReadIndex(tpm, ReportIndex);

    internal static TeeException NoReport(int length) => new(
        $"index 0x{ReportIndex:x} of the vTPM has {length} bytes that are no report of Azure's paravisor on SEV-SNP or TDX: this is another kind of VM");

    private byte[] QuoteDomain(HclFields hcl)
    {
        byte[] quote = AzureQuoteService.Quote(_devices.LocalService, hcl.Report);
        return TdQuote.TryRead(quote, out TdQuote read) && read.ReportData.SequenceEqual(hcl.ReportData)
            ? quote
            : throw new TeeException("the local quote service gave a quote of something else than the paravisor's report: look at the way to it");
    }

    // TPMS_ATTEST: magic 4, type 2, signer's name, what was asked, clock 17, firmware 8, selection 10, digest 2 + 32.
    private static bool Covers(ReadOnlySpan<byte> attest, ReadOnlySpan<byte> asked, byte[][] registers)
    {
        const int BehindData = 17 + 8 + 10;
        TpmReader reader = new(attest);
        bool isQuote = reader.U32() == 0xFF544347 & reader.U16() == 0x8018;
        _ = reader.Sized(66);
        bool isAsked = reader.Sized(66).SequenceEqual(asked);
        _ = reader.Take(BehindData);
        ReadOnlySpan<byte> digest = reader.Sized(Tpm.DigestSize);
        return isQuote && isAsked && reader.IsEmpty && digest.SequenceEqual(SHA256.HashData([.. registers.SelectMany(register => register)]));
    }

    private static JsonElement Write(byte[] report, byte[] attest, byte[] signature, byte[][] registers, byte[]? tdQuote)
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter writer = new(text))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", 1);
            writer.WriteStartObject("tpm_quote");
            writer.WriteString("signature", Convert.ToHexStringLower(signature));
            writer.WriteString("message", Convert.ToHexStringLower(attest));
            writer.WriteStartArray("pcrs");
            foreach (byte[] register in registers)
            {
                writer.WriteStringValue(Convert.ToHexStringLower(register));
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteString("hcl_report", Base64Url.EncodeToString(report));

            // The endorsement key's certificate is the verifier's to have: it asks AMD, or its own folder.
            writer.WriteString(tdQuote is null ? "vcek" : "td_quote", Base64Url.EncodeToString(tdQuote ?? []));
            writer.WriteEndObject();
        }

        using JsonDocument document = JsonDocument.Parse(text.WrittenMemory);
        return document.RootElement.Clone();
    }
}
