using System.Text.Json.Nodes;

namespace Cloister.Attestation.Tests.Forms;

/// <summary>Messages of go-tdx-guest and go-sev-guest, in the wire format and as ProtoJSON, from raw evidence by its offsets; independent of the readers.</summary>
internal sealed class GoMessageWriter
{
    private readonly List<(int Number, string Name, object Value)> _fields = [];

    public GoMessageWriter Add(int number, string name, object value)
    {
        _fields.Add((number, name, value));
        return this;
    }

    public byte[] Wire()
    {
        using MemoryStream bytes = new();
        foreach ((int number, string _, object value) in _fields)
        {
            switch (value)
            {
                case ulong varint:
                    Varint(bytes, (ulong)number << 3);
                    Varint(bytes, varint);
                    break;
                case byte[][] repeated:
                    foreach (byte[] one in repeated)
                    {
                        Delimited(bytes, number, one);
                    }

                    break;
                default:
                    Delimited(bytes, number, value as byte[] ?? ((GoMessageWriter)value).Wire());
                    break;
            }
        }

        return bytes.ToArray();
    }

    /// <summary>Names in lowerCamelCase, or as the schema has them; numbers of 64 bits as text.</summary>
    public JsonObject Json(bool camelCase)
    {
        JsonObject json = [];
        foreach ((int _, string name, object value) in _fields)
        {
            json[camelCase ? Camel(name) : name] = value switch
            {
                ulong number when number > uint.MaxValue || name is "policy" or "reported_tcb" => number.ToString(System.Globalization.CultureInfo.InvariantCulture),
                ulong number => JsonValue.Create(number),
                byte[][] repeated => new JsonArray([.. repeated.Select(one => (JsonNode)Convert.ToBase64String(one))]),
                byte[] one => Convert.ToBase64String(one),
                _ => ((GoMessageWriter)value).Json(camelCase),
            };
        }

        return json;
    }

    public static GoMessageWriter Report(byte[] report)
    {
        ulong Number(int at, int length) => BitConverter.ToUInt64([.. report.AsSpan(at, length), .. new byte[8 - length]]);
        byte[] Bytes(int at, int length) => report.AsSpan(at, length).ToArray();
        byte family = report[392];
        byte model = report[393];
        ulong eax = family == 0 ? 0 : (ulong)(family - 15) << 20 | (15UL << 8) | ((ulong)model >> 4) << 16 | ((ulong)model & 15) << 4 | report[394];
        GoMessageWriter writer = new();
        writer.Add(1, "version", Number(0, 4)).Add(2, "guest_svn", Number(4, 4)).Add(3, "policy", Number(8, 8)).Add(4, "family_id", Bytes(16, 16)).Add(5, "image_id", Bytes(32, 16))
            .Add(6, "vmpl", Number(48, 4)).Add(7, "signature_algo", Number(52, 4)).Add(8, "current_tcb", Number(56, 8)).Add(9, "platform_info", Number(64, 8)).Add(10, "signer_info", Number(72, 4))
            .Add(11, "report_data", Bytes(80, 64)).Add(12, "measurement", Bytes(144, 48)).Add(13, "host_data", Bytes(192, 32)).Add(14, "id_key_digest", Bytes(224, 48))
            .Add(15, "author_key_digest", Bytes(272, 48)).Add(16, "report_id", Bytes(320, 32)).Add(17, "report_id_ma", Bytes(352, 32)).Add(18, "reported_tcb", Number(384, 8))
            .Add(19, "chip_id", Bytes(416, 64)).Add(20, "committed_tcb", Number(480, 8)).Add(21, "current_build", Number(488, 1)).Add(22, "current_minor", Number(489, 1))
            .Add(23, "current_major", Number(490, 1)).Add(24, "committed_build", Number(492, 1)).Add(25, "committed_minor", Number(493, 1)).Add(26, "committed_major", Number(494, 1))
            .Add(27, "launch_tcb", Number(496, 8)).Add(28, "signature", Bytes(672, 512)).Add(29, "cpuid1eax_fms", eax);
        return report[0] < 5 ? writer : writer.Add(30, "launch_mit_vector", Number(504, 8)).Add(31, "current_mit_vector", Number(512, 8));
    }

    public static GoMessageWriter Attestation(byte[] report, byte[] vcek, byte[] ask, byte[] ark) => new GoMessageWriter().Add(1, "report", Report(report)).Add(
        2, "certificate_chain", new GoMessageWriter().Add(1, "vcek_cert", vcek).Add(2, "ask_cert", ask).Add(3, "ark_cert", ark)).Add(3, "product", new GoMessageWriter().Add(1, "name", 1UL));

    public static GoMessageWriter Quote(byte[] quote)
    {
        ulong Number(int at, int length) => BitConverter.ToUInt64([.. quote.AsSpan(at, length), .. new byte[8 - length]]);
        byte[] Bytes(int at, int length) => quote.AsSpan(at, length).ToArray();
        bool is5 = quote[0] == 5;
        int at = is5 ? 54 : 48;
        int size = is5 ? (int)Number(50, 4) : 584;
        GoMessageWriter body = new GoMessageWriter().Add(1, "tee_tcb_svn", Bytes(at, 16)).Add(2, "mr_seam", Bytes(at + 16, 48)).Add(3, "mr_signer_seam", Bytes(at + 64, 48))
            .Add(4, "seam_attributes", Bytes(at + 112, 8)).Add(5, "td_attributes", Bytes(at + 120, 8)).Add(6, "xfam", Bytes(at + 128, 8)).Add(7, "mr_td", Bytes(at + 136, 48))
            .Add(8, "mr_config_id", Bytes(at + 184, 48)).Add(9, "mr_owner", Bytes(at + 232, 48)).Add(10, "mr_owner_config", Bytes(at + 280, 48))
            .Add(11, "rtmrs", new byte[][] { Bytes(at + 328, 48), Bytes(at + 376, 48), Bytes(at + 424, 48), Bytes(at + 472, 48) }).Add(12, "report_data", Bytes(at + 520, 64));
        if (size == 648)
        {
            body.Add(13, "tee_tcb_svn2", Bytes(at + 584, 16)).Add(14, "mr_service_td", Bytes(at + 600, 48));
        }

        GoMessageWriter header = new GoMessageWriter().Add(1, "version", Number(0, 2)).Add(2, "attestation_key_type", Number(2, 2)).Add(3, "tee_type", Number(4, 4))
            .Add(4, "qe_svn", Bytes(10, 2)).Add(5, "pce_svn", Bytes(8, 2)).Add(6, "qe_vendor_id", Bytes(12, 16)).Add(7, "user_data", Bytes(28, 20));
        GoMessageWriter whole = new GoMessageWriter().Add(1, "header", header);
        _ = is5
            ? whole.Add(2, "td_quote_body_descriptor", new GoMessageWriter().Add(1, "td_quote_body_type", Number(48, 2)).Add(2, "td_quote_body_size", Number(50, 4)).Add(3, "td_quote_body_v5", body))
            : whole.Add(2, "td_quote_body", body);
        int end = at + size;
        int qe = end + 4 + 128 + 6;
        int auth = (int)Number(qe + 448, 2);
        int chain = qe + 450 + auth;
        GoMessageWriter report = new GoMessageWriter().Add(1, "cpu_svn", Bytes(qe, 16)).Add(2, "misc_select", Number(qe + 16, 4)).Add(3, "reserved1", Bytes(qe + 20, 28))
            .Add(4, "attributes", Bytes(qe + 48, 16)).Add(5, "mr_enclave", Bytes(qe + 64, 32)).Add(6, "reserved2", Bytes(qe + 96, 32)).Add(7, "mr_signer", Bytes(qe + 128, 32))
            .Add(8, "reserved3", Bytes(qe + 160, 96)).Add(9, "isv_prod_id", Number(qe + 256, 2)).Add(10, "isv_svn", Number(qe + 258, 2)).Add(11, "reserved4", Bytes(qe + 260, 60))
            .Add(12, "report_data", Bytes(qe + 320, 64));
        GoMessageWriter certification = new GoMessageWriter().Add(1, "qe_report", report).Add(2, "qe_report_signature", Bytes(qe + 384, 64))
            .Add(3, "qe_auth_data", new GoMessageWriter().Add(1, "parsed_data_size", (ulong)auth).Add(2, "data", Bytes(qe + 450, auth)))
            .Add(4, "pck_certificate_chain_data", new GoMessageWriter().Add(1, "certificate_data_type", Number(chain, 2)).Add(2, "size", Number(chain + 2, 4)).Add(3, "pck_cert_chain", Bytes(chain + 6, (int)Number(chain + 2, 4))));
        return whole.Add(3, "signed_data_size", Number(end, 4)).Add(
            4, "signed_data", new GoMessageWriter().Add(1, "signature", Bytes(end + 4, 64)).Add(2, "ecdsa_attestation_key", Bytes(end + 68, 64)).Add(
                3, "certification_data", new GoMessageWriter().Add(1, "certificate_data_type", Number(end + 132, 2)).Add(2, "size", Number(end + 134, 4)).Add(3, "qe_report_certification_data", certification)))
            .Add(5, "extra_bytes", new byte[7]);
    }

    private static string Camel(string name) => string.Concat(name.Split('_').Select((word, i) => i == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..]));

    private static void Delimited(MemoryStream bytes, int number, byte[] value)
    {
        Varint(bytes, (ulong)number << 3 | 2);
        Varint(bytes, (ulong)value.Length);
        bytes.Write(value);
    }

    private static void Varint(MemoryStream bytes, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            bytes.WriteByte((byte)(value & 0x7F | 0x80));
        }

        bytes.WriteByte((byte)value);
    }
}
