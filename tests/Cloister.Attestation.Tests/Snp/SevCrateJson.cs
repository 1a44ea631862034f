using System.Text.Json.Nodes;
using Cloister.Attestation.Abi.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>A report as the <c>sev</c> crate writes it, both generations; made from its fields and independent of the reader.</summary>
internal static class SevCrateJson
{
    /// <summary>Up to version 4 of the crate: reserved fields, versions as six numbers.</summary>
    public static JsonObject Old(byte[] report) => new()
    {
        ["version"] = BitConverter.ToUInt32(report, 0), ["guest_svn"] = BitConverter.ToUInt32(report, 4), ["policy"] = BitConverter.ToUInt64(report, 8),
        ["family_id"] = Bytes(report, 16, 16), ["image_id"] = Bytes(report, 32, 16), ["vmpl"] = BitConverter.ToUInt32(report, 48), ["sig_algo"] = BitConverter.ToUInt32(report, 52),
        ["current_tcb"] = OldTcb(report, 56), ["plat_info"] = BitConverter.ToUInt64(report, 64), ["_author_key_en"] = BitConverter.ToUInt32(report, 72), ["_reserved_0"] = 0,
        ["report_data"] = Bytes(report, 80, 64), ["measurement"] = Bytes(report, 144, 48), ["host_data"] = Bytes(report, 192, 32), ["id_key_digest"] = Bytes(report, 224, 48),
        ["author_key_digest"] = Bytes(report, 272, 48), ["report_id"] = Bytes(report, 320, 32), ["report_id_ma"] = Bytes(report, 352, 32), ["reported_tcb"] = OldTcb(report, 384),
        ["_reserved_1"] = Bytes(report, 392, 24), ["chip_id"] = Bytes(report, 416, 64), ["committed_tcb"] = OldTcb(report, 480),
        ["current_build"] = report[488], ["current_minor"] = report[489], ["current_major"] = report[490], ["_reserved_2"] = 0,
        ["committed_build"] = report[492], ["committed_minor"] = report[493], ["committed_major"] = report[494], ["_reserved_3"] = 0,
        ["launch_tcb"] = OldTcb(report, 496), ["_reserved_4"] = Bytes(report, 504, 168),
        ["signature"] = new JsonObject { ["r"] = Bytes(report, 672, 72), ["s"] = Bytes(report, 744, 72), ["_reserved"] = Bytes(report, 816, 368) },
    };

    /// <summary>From version 5 of the crate on: no reserved fields, what a version of the report lacks is null.</summary>
    public static JsonObject New(byte[] report, SnpProductLine product)
    {
        uint version = BitConverter.ToUInt32(report, 0);
        return new JsonObject
        {
            ["version"] = version, ["guest_svn"] = BitConverter.ToUInt32(report, 4), ["policy"] = BitConverter.ToUInt64(report, 8),
            ["family_id"] = Bytes(report, 16, 16), ["image_id"] = Bytes(report, 32, 16), ["vmpl"] = BitConverter.ToUInt32(report, 48), ["sig_algo"] = BitConverter.ToUInt32(report, 52),
            ["current_tcb"] = NewTcb(report, 56, product), ["plat_info"] = BitConverter.ToUInt64(report, 64), ["key_info"] = BitConverter.ToUInt32(report, 72),
            ["report_data"] = Bytes(report, 80, 64), ["measurement"] = Bytes(report, 144, 48), ["host_data"] = Bytes(report, 192, 32), ["id_key_digest"] = Bytes(report, 224, 48),
            ["author_key_digest"] = Bytes(report, 272, 48), ["report_id"] = Bytes(report, 320, 32), ["report_id_ma"] = Bytes(report, 352, 32),
            ["reported_tcb"] = NewTcb(report, 384, product),
            ["cpuid_fam_id"] = version < 3 ? null : report[392], ["cpuid_mod_id"] = version < 3 ? null : report[393], ["cpuid_step"] = version < 3 ? null : report[394],
            ["chip_id"] = Bytes(report, 416, 64), ["committed_tcb"] = NewTcb(report, 480, product), ["current"] = Version(report, 488), ["committed"] = Version(report, 492),
            ["launch_tcb"] = NewTcb(report, 496, product),
            ["launch_mit_vector"] = version < 5 ? null : BitConverter.ToUInt64(report, 504), ["current_mit_vector"] = version < 5 ? null : BitConverter.ToUInt64(report, 512),
            ["signature"] = new JsonObject { ["r"] = Bytes(report, 672, 72), ["s"] = Bytes(report, 744, 72) },
        };
    }

    public static JsonArray Bytes(byte[] bytes, int at = 0, int length = -1) => [.. bytes.AsSpan(at, length < 0 ? bytes.Length : length).ToArray().Select(b => JsonValue.Create(b))];

    private static JsonObject OldTcb(byte[] report, int at) => new()
    {
        ["bootloader"] = report[at], ["tee"] = report[at + 1], ["_reserved"] = Bytes(report, at + 2, 4), ["snp"] = report[at + 6], ["microcode"] = report[at + 7],
    };

    private static JsonObject NewTcb(byte[] report, int at, SnpProductLine product) => product == SnpProductLine.Turin
        ? new() { ["fmc"] = report[at], ["bootloader"] = report[at + 1], ["tee"] = report[at + 2], ["snp"] = report[at + 3], ["microcode"] = report[at + 7] }
        : new() { ["fmc"] = null, ["bootloader"] = report[at], ["tee"] = report[at + 1], ["snp"] = report[at + 6], ["microcode"] = report[at + 7] };

    private static JsonObject Version(byte[] report, int at) => new() { ["major"] = report[at + 2], ["minor"] = report[at + 1], ["build"] = report[at] };
}
