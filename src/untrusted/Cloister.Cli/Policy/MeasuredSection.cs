using System.Security.Cryptography;
using Cloister.Attestation;

namespace Cloister.Cli.Policy;

/// <summary>
/// The rules that follow from a measurement. What the measurement does not say has the strictest value there is; where none is, the rule
/// is left out, which refuses, until somebody states it or waives it.
/// </summary>
internal static class MeasuredSection
{
    private const string Unused = "not used, so zeros";

    /// <summary>The section's rules in the order of the schema.</summary>
    /// <param name="tee">Whose section.</param>
    /// <param name="given">What was given.</param>
    /// <param name="configurations">Configuration files, by their bytes: bound into the evidence where the TEE has a field for it.</param>
    internal static IReadOnlyList<PolicyRule> For(Tee tee, MeasurementOptions given, IReadOnlyList<byte[]> configurations) => tee switch
    {
        Tee.Sgx => Sgx(given),
        Tee.Tdx => Tdx(given, configurations),
        Tee.Snp => Snp(given, configurations),
        Tee.Nitro => Nitro(given),
        _ => throw new CliException("confidential VMs of Azure have no one measurement: write the section from what 'cloister evidence show' prints of a VM that you trust (docs/attestation.md)"),
    };

    private static List<PolicyRule> Sgx(MeasurementOptions given) =>
    [
        new("debug", "refuse", ""),
        new("enclave", Required(given, "mrenclave", "sgx", "what 'make measurement' prints") is var values
            ? $"[{string.Join(", ", values.Select(value => $"{{ mrenclave: \"{value.ToLowerInvariant()}\" }}"))}]"
            : null, "the configuration is a trusted file, so it is in here"),
        new("configid", Zeros(64), Unused),
        .. Tcb(given),
        Platforms(given),
        new("reportData", "expected", ""),
    ];

    private static List<PolicyRule> Tdx(MeasurementOptions given, IReadOnlyList<byte[]> configurations)
    {
        Required(given, "mrtd", "tdx", "see deploy/MEASUREMENTS.md");
        return
        [
            new("debug", "refuse", ""),
            new("mrtd", given.Hex("mrtd"), "virtual firmware"),
            new("rtmr0", given.Hex("rtmr0"), "firmware configuration"),
            new("rtmr1", given.Hex("rtmr1"), "kernel"),
            new("rtmr2", given.Hex("rtmr2"), "command line, initrd"),
            new("rtmr3", given.Hex("rtmr3") ?? Zeros(48), given.Hex("rtmr3") is null ? Unused : "of the guest's own use"),
            new("mrconfigid", Digests(configurations, SHA384.HashData) ?? Zeros(48), configurations.Count > 0 ? "SHA-384 of the enclave's configuration" : Unused),
            new("mrowner", Zeros(48), Unused),
            new("mrownerconfig", Zeros(48), Unused),
            new("tdattributes", given.Hex("tdattributes") ?? "[\"0000001000000000\"]", "SEPT_VE_DISABLE only, unless stated"),
            new("xfam", given.Hex("xfam"), "16 hex digits, as 'cloister evidence show' prints"),
            .. Tcb(given),
            Platforms(given),
            new("reportData", "expected", ""),
        ];
    }

    private static List<PolicyRule> Snp(MeasurementOptions given, IReadOnlyList<byte[]> configurations)
    {
        Required(given, "measurement", "snp", "see deploy/MEASUREMENTS.md");
        return
        [
            new("debug", "refuse", ""),
            new("measurement", given.Hex("measurement"), "firmware, and with measured boot kernel, initrd and command line"),
            new("hostData", Digests(configurations, SHA256.HashData) ?? Zeros(32), configurations.Count > 0 ? "SHA-256 of the enclave's configuration" : Unused),
            new("idKeyDigest", Zeros(48), Unused),
            new("authorKeyDigest", Zeros(48), Unused),
            new("guestSvn", "0", ""),
            new("vmpl", "[0]", ""),
            new("guestPolicy", "{ require: [], allow: [smt], minAbi: \"0.31\" }", ""),
            new("platformInfo", "{ require: [alias_check], allow: [smt, ecc] }", "alias_check: the answer to BadRAM"),
            new("products", given.Words("product"), "[Milan], [Genoa] or [Turin]"),
            new("signingKeys", "[vcek]", ""),
            new("minTcb", MinimumTcb(given.Values("min-tcb")), "{ Genoa: { bootloader: 10, tee: 0, snp: 23, microcode: 84 } }"),
            new("firmware", given.One("min-firmware") is { } least ? $"{{ minVersion: \"{least}\", provisional: refuse }}" : null, "{ minVersion: \"1.55.40\", provisional: refuse }"),
            Platforms(given),
            new("reportData", "expected", ""),
        ];
    }

    private static List<PolicyRule> Nitro(MeasurementOptions given)
    {
        Required(given, "pcr0", "nitro", "what 'nitro-cli build-enclave' prints");
        return
        [
            new("debug", "refuse", ""),
            new("pcr0", given.Hex("pcr0"), "enclave image"),
            new("pcr1", given.Hex("pcr1"), "kernel and boot ramdisk"),
            new("pcr2", given.Hex("pcr2"), "application"),
            new("pcr3", given.Hex("pcr3"), "IAM role of the instance"),
            new("pcr4", given.Hex("pcr4"), "instance"),
            new("pcr8", given.Hex("pcr8"), "signing certificate of the image"),
            new("userData", "expected", "report data: challenge, attested key and statement"),
            new("nonce", "any", "the challenge is in userData"),
            new("publicKey", "any", "the attested key is in userData"),
        ];
    }

    private static IEnumerable<PolicyRule> Tcb(MeasurementOptions given) =>
    [
        new("tcb.statuses", given.Words("tcb-status") ?? "[UpToDate]", "few servers are UpToDate: see docs/attestation.md"),
        new("tcb.advisories", given.Words("advisory") ?? "[]", ""),
        new("tcb.minEvaluationDataNumber", given.One("min-evaluation-data-number"), "such as 17"),
        new("tcb.minDate", given.One("min-tcb-date"), "such as 2024-03-13"),
    ];

    private static PolicyRule Platforms(MeasurementOptions given) => new(
        "platforms.allow",
        given.Values("platform") is [_, ..] values ? $"[{string.Join(", ", values.Select(value => $"{{ {Pair(value, "platform")} }}"))}]" : null,
        "the machines that you own");

    private static string? MinimumTcb(string[] values)
    {
        if (values.Length == 0)
        {
            return null;
        }

        IEnumerable<string> lines = values.Select(value => value.Split(':') is [string product, string components]
            ? $"{product}: {{ {string.Join(", ", components.Split(',').Select(component => Pair(component, "min-tcb")))} }}"
            : throw new CliException("--min-tcb is PRODUCT:COMPONENT=NUMBER,..."));
        return $"{{ {string.Join(", ", lines)} }}";
    }

    private static string Pair(string text, string option) => text.Split('=') is [string name, string value]
        ? $"{name}: \"{value}\""
        : throw new CliException($"--{option} has NAME=VALUE, not '{text}'");

    private static string[] Required(MeasurementOptions given, string option, string tee, string where) => given.Values(option) is [_, ..] values
        ? values
        : throw new CliException($"--tee {tee} needs --{option} ({where})");

    private static string? Digests(IReadOnlyList<byte[]> files, Func<byte[], byte[]> hash) =>
        files.Count > 0 ? $"[{string.Join(", ", files.Select(file => $"\"{Convert.ToHexStringLower(hash(file))}\""))}]" : null;

    private static string Zeros(int bytes) => $"\"{new string('0', 2 * bytes)}\"";
}
