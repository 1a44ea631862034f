using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Tests.Dcap;
using Cloister.Attestation.Tests.Nitro;
using Cloister.Attestation.Tests.Snp;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Forms;

/// <summary>Minted evidence of every TEE in every form that is read: name, form, and the bytes that have to come back.</summary>
internal static class MintedForms
{
    public static readonly byte[] Sgx = MintedDcap.Platform.Quote(MintedDcap.SgxQuote);
    public static readonly byte[] Tdx = MintedDcap.Platform.Quote(MintedDcap.TdxQuote);
    public static readonly byte[] Tdx15 = MintedDcap.Platform.Quote(MintedDcap.Tdx15(new TdReportFields { TeeTcbSvn2 = new byte[16] }));
    public static readonly byte[] Nitro = new MintedNitro().Document();
    public static readonly SnpEndorsement Endorsement = MintedSnp.Vendor(SnpProductLine.Milan).IssueEndorsement(MintedSnp.Valid(SnpProductLine.Milan).Request);
    public static readonly byte[] Snp = MintedSnp.Valid(SnpProductLine.Milan).Report(Endorsement);
    public static readonly byte[] Snp5 = MintedSnp.Valid(SnpProductLine.Milan, version: 5).Report(Endorsement);
    public static readonly byte[] Ark = MintedSnp.Vendor(SnpProductLine.Milan).Ark;
    public static readonly byte[] Ask = MintedSnp.Vendor(SnpProductLine.Milan).Ask;

    private static readonly byte[] Table =
        SnpCertificateTableWriter.Write((SnpCertificateTableWriter.Vcek, Endorsement.Certificate), (SnpCertificateTableWriter.Ask, Ask), (SnpCertificateTableWriter.Ark, Ark));

    public static readonly Dictionary<string, (byte[] Form, Tee Tee, byte[] Bytes)> All = new()
    {
        ["raw sgx"] = (Sgx, Tee.Sgx, Sgx),
        ["raw tdx 1.0"] = (Tdx, Tee.Tdx, Tdx),
        ["raw tdx 1.5"] = (Tdx15, Tee.Tdx, Tdx15),
        ["raw snp"] = (Snp, Tee.Snp, Snp),
        ["raw snp with table"] = ([.. Snp, .. Table], Tee.Snp, [.. Snp, .. Table]),
        ["raw nitro"] = (Nitro, Tee.Nitro, Nitro),
        ["hex"] = (Text(Convert.ToHexString(Sgx)), Tee.Sgx, Sgx),
        ["hex, 0x, lines"] = (Text("0x" + string.Join('\n', Convert.ToHexStringLower(Tdx).Chunk(60).Select(line => new string(line))) + "\r\n"), Tee.Tdx, Tdx),
        ["hex of snp"] = (Text(Convert.ToHexStringLower(Snp)), Tee.Snp, Snp),
        ["base64"] = (Text(Convert.ToBase64String(Nitro)), Tee.Nitro, Nitro),
        ["base64, lines"] = (Text(Convert.ToBase64String(Snp, Base64FormattingOptions.InsertLineBreaks) + "\n"), Tee.Snp, Snp),
        ["base64url"] = (Text(System.Buffers.Text.Base64Url.EncodeToString(Tdx15)), Tee.Tdx, Tdx15),
        ["base64 of hex"] = (Text(Convert.ToBase64String(Text(Convert.ToHexString(Sgx)))), Tee.Sgx, Sgx),
        ["byte order mark"] = ([0xEF, 0xBB, 0xBF, .. Text($"{{\"quote\":\"{Convert.ToBase64String(Sgx)}\"}}")], Tee.Sgx, Sgx),
        ["CoCo tdx"] = (Text($"{{\"cc_eventlog\":\"AAAA\",\"quote\":\"{Convert.ToBase64String(Tdx)}\",\"aa_eventlog\":null}}"), Tee.Tdx, Tdx),
        ["CoCo sgx"] = (Text($"{{\"quote\":\"{Convert.ToBase64String(Sgx)}\"}}"), Tee.Sgx, Sgx),
        ["CoCo snp"] = (CoCoSnp(), Tee.Snp, Snp),
        ["sev crate, old"] = (Text(SevCrateJson.Old(Snp).ToJsonString()), Tee.Snp, Snp),
        ["sev crate, new"] = (Text(SevCrateJson.New(Snp5, SnpProductLine.Milan).ToJsonString()), Tee.Snp, Snp5),
        ["KBS attest"] = (Text($"{{\"tee-evidence\":{{\"primary_evidence\":{{\"quote\":\"{Convert.ToBase64String(Tdx)}\"}},\"additional_evidence\":\"\"}},\"runtime-data\":{{}}}}"), Tee.Tdx, Tdx),
        ["request to a service"] = (Text($"{{\"verification_requests\":[{{\"tee\":\"sgx\",\"evidence\":\"{System.Buffers.Text.Base64Url.EncodeToString(Text($"{{\"quote\":\"{Convert.ToBase64String(Sgx)}\"}}"))}\"}}]}}"), Tee.Sgx, Sgx),
        ["by its TEE's name"] = (Text($"{{\"tdx\":{{\"quote\":\"{Convert.ToBase64String(Tdx)}\",\"runtime_data\":null}}}}"), Tee.Tdx, Tdx),
        ["Cloister's snp"] = (Text($"{{\"report\":\"{Convert.ToBase64String(Snp)}\",\"certs\":\"{Convert.ToBase64String(Table)}\"}}"), Tee.Snp, [.. Snp, .. Table]),
        ["configfs-tsm"] = (Text($"{{\"provider\":\"sev_guest\",\"outblob\":\"{Convert.ToBase64String(Snp)}\",\"auxblob\":\"{Convert.ToBase64String(Table)}\"}}"), Tee.Snp, [.. Snp, .. Table]),
        ["document"] = (Text($"{{\"document\":\"{Convert.ToBase64String(Nitro)}\"}}"), Tee.Nitro, Nitro),
        ["array of bytes"] = (Text(new JsonObject { ["quote"] = SevCrateJson.Bytes(Sgx) }.ToJsonString()), Tee.Sgx, Sgx),
        ["string"] = (Text($"\"{Convert.ToHexString(Sgx)}\""), Tee.Sgx, Sgx),
        ["go-tdx-guest v4, protobuf"] = (GoMessageWriter.Quote(Tdx).Wire(), Tee.Tdx, Tdx),
        ["go-tdx-guest v4, JSON"] = (Text(GoMessageWriter.Quote(Tdx).Json(camelCase: true).ToJsonString()), Tee.Tdx, Tdx),
        ["go-tdx-guest v5, protobuf"] = (GoMessageWriter.Quote(Tdx15).Wire(), Tee.Tdx, Tdx15),
        ["go-tdx-guest v5, JSON"] = (Text(GoMessageWriter.Quote(Tdx15).Json(camelCase: false).ToJsonString()), Tee.Tdx, Tdx15),
        ["go-sev-guest report, protobuf"] = (GoMessageWriter.Report(Snp).Wire(), Tee.Snp, Snp),
        ["go-sev-guest report v5, JSON"] = (Text(GoMessageWriter.Report(Snp5).Json(camelCase: true).ToJsonString()), Tee.Snp, Snp5),
        ["go-sev-guest attestation, protobuf"] = (GoMessageWriter.Attestation(Snp, Endorsement.Certificate, Ask, Ark).Wire(), Tee.Snp, Snp),
        ["go-sev-guest attestation, JSON"] = (Text(GoMessageWriter.Attestation(Snp, Endorsement.Certificate, Ask, Ark).Json(camelCase: true).ToJsonString()), Tee.Snp, Snp),
        ["base64 of protobuf"] = (Text(Convert.ToBase64String(GoMessageWriter.Quote(Tdx).Wire())), Tee.Tdx, Tdx),
    };

    public static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] CoCoSnp() => Text(new JsonObject
    {
        ["attestation_report"] = SevCrateJson.Old(Snp),
        ["cert_chain"] = new JsonArray(
            new JsonObject { ["cert_type"] = "VCEK", ["data"] = SevCrateJson.Bytes(Endorsement.Certificate) },
            new JsonObject { ["cert_type"] = "ASK", ["data"] = SevCrateJson.Bytes(Ask) },
            new JsonObject { ["cert_type"] = "ARK", ["data"] = SevCrateJson.Bytes(Ark) }),
    }.ToJsonString());
}
