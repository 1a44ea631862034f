using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Azure;

/// <summary>
/// Evidence of a confidential VM of Azure as Confidential Containers' attesters send it (<c>az-snp-vtpm</c>, <c>az-tdx-vtpm</c>): the paravisor's report, a quote of the vTPM, and what the
/// hardware's report is verified with. JSON in three forms, told apart by <c>version</c>: without it bytes are lists of numbers; 1 and 2 have base64 and hex, and in 2 the
/// guest has written what it quotes into the paravisor's user data as well. Read, not verified.
/// </summary>
public sealed class AzureEvidence
{
    /// <summary>Largest evidence read, in bytes.</summary>
    public const int MaximumLength = 512 * 1024;

    private const string Structure = "evidence";
    private const int MaximumHclLength = 16 * 1024;
    private const int MaximumQuoteLength = 64 * 1024;
    private const int MaximumSignatureLength = 512;
    private const int RegisterLength = 32;
    private const int MaximumVersion = 2;

    private AzureEvidence(Tee tee, int version, HclReport hcl)
    {
        Tee = tee;
        Version = version;
        Hcl = hcl;
        RuntimeData = HclRuntimeData.Parse(hcl.RuntimeData);
    }

    /// <summary><see cref="Tee.AzureSnp"/> or <see cref="Tee.AzureTdx"/>.</summary>
    public Tee Tee { get; }

    /// <summary>Version of the JSON: 0, 1 or 2.</summary>
    public int Version { get; }

    /// <summary>The paravisor's report.</summary>
    public HclReport Hcl { get; }

    /// <summary>The runtime data in it.</summary>
    public HclRuntimeData RuntimeData { get; }

    /// <summary>What the vTPM signed, byte for byte.</summary>
    public ReadOnlyMemory<byte> QuotedBytes { get; private init; }

    /// <summary>The same, read.</summary>
    public TpmQuoteMessage Quote { get; private init; } = null!;

    /// <summary>The vTPM's signature: RSASSA-PKCS1-v1_5 with SHA-256.</summary>
    public ReadOnlyMemory<byte> QuoteSignature { get; private init; }

    /// <summary>The quoted registers, in the order of <see cref="TpmQuoteMessage.Registers"/>, 32 bytes each.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Registers { get; private init; } = [];

    /// <summary>SEV-SNP: certificates that came along. A guest may leave them to the verifier.</summary>
    public SnpCollateral Endorsements { get; private init; } = SnpCollateral.None;

    /// <summary>TDX: the quote of the trust domain; empty for SEV-SNP.</summary>
    public ReadOnlyMemory<byte> TdQuote { get; private init; }

    /// <summary>Whether bytes look like such evidence, and of which kind.</summary>
    /// <param name="bytes">Any bytes.</param>
    public static Tee? Recognise(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> json = bytes.TrimStart(" \t\r\n"u8);
        return !json.StartsWith("{"u8) || json.IndexOf("\"pcrs\""u8) < 0 ? null
            : json.IndexOf("\"td_quote\""u8) >= 0 ? Tee.AzureTdx
            : json.IndexOf("\"vcek\""u8) >= 0 || json.IndexOf("\"hcl_report\""u8) >= 0 ? Tee.AzureSnp
            : null;
    }

    /// <summary>Reads evidence.</summary>
    /// <param name="tee">The kind expected.</param>
    /// <param name="json">The JSON object.</param>
    /// <exception cref="EvidenceFormatException">It is not of this kind, or a part of it is malformed.</exception>
    public static AzureEvidence Parse(Tee tee, ReadOnlyMemory<byte> json)
    {
        if (tee is not (Tee.AzureSnp or Tee.AzureTdx))
        {
            throw new ArgumentOutOfRangeException(nameof(tee));
        }

        using JsonDocument document = AzureJson.Parse(json, Structure, MaximumLength);
        JsonElement root = document.RootElement;
        int version = 0;
        if (root.TryGetProperty("version", out JsonElement stated))
        {
            version = stated.ValueKind == JsonValueKind.Number && stated.TryGetByte(out byte number) && number > 0 ? number : throw AzureJson.Error(Structure, "version", "not a version");
            if (version > MaximumVersion)
            {
                throw EvidenceFormatException.UnknownVersion($"{Structure}.version", 0, (uint)version, [1, MaximumVersion]);
            }
        }

        return version == 0 ? ReadNumbers(tee, root) : ReadTexts(tee, root, version);
    }

    private static AzureEvidence ReadNumbers(Tee tee, JsonElement root)
    {
        bool isSnp = tee == Tee.AzureSnp;
        (string quoteField, string reportField) = isSnp ? ("quote", "report") : ("tpm_quote", "hcl_report");
        AzureJson.Only(root, Structure, quoteField, reportField, isSnp ? "vcek" : "td_quote");
        JsonElement quote = AzureJson.Field(root, quoteField, Structure);
        return Of(
            tee, 0, Bytes(root, reportField, MaximumHclLength), quote, Bytes(quote, "message", TpmQuoteMessage.MaximumLength), Bytes(quote, "signature", MaximumSignatureLength),
            register => AzureJson.Numbers(register, "pcrs", Structure, RegisterLength),
            isSnp ? Pem(AzureJson.Field(root, "vcek", Structure)) : SnpCollateral.None, isSnp ? [] : Bytes(root, "td_quote", MaximumQuoteLength));

        static byte[] Bytes(JsonElement json, string field, int maximum) => AzureJson.Numbers(AzureJson.Field(json, field, Structure), field, Structure, maximum);
    }

    private static AzureEvidence ReadTexts(Tee tee, JsonElement root, int version)
    {
        bool isSnp = tee == Tee.AzureSnp;
        AzureJson.Only(root, Structure, "version", "tpm_quote", "hcl_report", isSnp ? "vcek" : "td_quote");
        JsonElement quote = AzureJson.Field(root, "tpm_quote", Structure);
        return Of(
            tee, version, AzureJson.Base64(root, "hcl_report", Structure, MaximumHclLength), quote, Hex("message", TpmQuoteMessage.MaximumLength), Hex("signature", MaximumSignatureLength),
            register => AzureJson.Hex(register, "pcrs", Structure, RegisterLength),
            isSnp ? Der(AzureJson.Base64(root, "vcek", Structure, Certificate.MaximumLength)) : SnpCollateral.None,
            isSnp ? [] : AzureJson.Base64(root, "td_quote", Structure, MaximumQuoteLength));

        byte[] Hex(string field, int maximum) => AzureJson.Hex(AzureJson.Field(quote, field, Structure), field, Structure, maximum);
    }

    private static AzureEvidence Of(
        Tee tee, int version, byte[] report, JsonElement quote, byte[] message, byte[] signature, Func<JsonElement, byte[]> readRegister, SnpCollateral endorsements, byte[] tdQuote)
    {
        AzureJson.Only(quote, $"{Structure}.tpm_quote", "message", "signature", "pcrs");
        HclReport hcl = HclReport.Parse(report);
        if (hcl.Tee != (tee == Tee.AzureSnp ? Tee.Snp : Tee.Tdx))
        {
            throw new EvidenceFormatException("hcl_report.report_type", 0, $"a report of {TeeNames.NameOf(hcl.Tee)} hardware in evidence of {TeeNames.NameOf(tee)}");
        }

        TpmQuoteMessage read = TpmQuoteMessage.Parse(message);
        return new AzureEvidence(tee, version, hcl)
        {
            QuotedBytes = message, Quote = read, QuoteSignature = signature, Registers = ReadRegisters(quote, read, readRegister), Endorsements = endorsements, TdQuote = tdQuote,
        };
    }

    private static List<ReadOnlyMemory<byte>> ReadRegisters(JsonElement quote, TpmQuoteMessage read, Func<JsonElement, byte[]> readRegister)
    {
        JsonElement pcrs = AzureJson.Field(quote, "pcrs", Structure);
        if (pcrs.ValueKind != JsonValueKind.Array || pcrs.GetArrayLength() != read.Registers.Count)
        {
            throw AzureJson.Error(Structure, "pcrs", $"not a list of the {read.Registers.Count} registers that were quoted");
        }

        List<ReadOnlyMemory<byte>> registers = [];
        foreach (JsonElement register in pcrs.EnumerateArray())
        {
            byte[] value = readRegister(register);
            registers.Add(value.Length == RegisterLength ? value : throw AzureJson.Error(Structure, "pcrs", $"a register has {value.Length} bytes, SHA-256 has {RegisterLength}"));
        }

        return registers;
    }

    private static SnpCollateral Pem(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String || value.GetString() is not { Length: <= 64 * 1024 } pem)
        {
            throw AzureJson.Error(Structure, "vcek", "not certificates in PEM");
        }

        return pem.Length == 0 ? SnpCollateral.None : SnpEndorsementsOf(PemCertificates.Parse(Encoding.UTF8.GetBytes(pem)));
    }

    private static SnpCollateral Der(byte[] der) => der.Length == 0 ? SnpCollateral.None : SnpEndorsementsOf([Certificate.Parse(der)]);

    // The endorsement key's certificate first; what came behind it may be its authorities.
    private static SnpCollateral SnpEndorsementsOf(IReadOnlyList<Certificate> certificates) => new() { EndorsementKeys = [certificates[0]], Authorities = [.. certificates.Skip(1)] };
}
