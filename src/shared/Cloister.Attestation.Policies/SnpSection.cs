using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Appraise.Rules;
using Cloister.Attestation.Claims;
using YamlDotNet.RepresentationModel;

namespace Cloister.Attestation.Policies;

/// <summary>Section <c>snp</c>.</summary>
internal static class SnpSection
{
    private static readonly string[] Products = [.. SnpProduct.WithKeys.Select(product => product.Name)];
    private static readonly string[] Components = ["fmc", "bootloader", "tee", "snp", "microcode"];

    // SEV-SNP ABI, guest policy and PLATFORM_INFO: name and bit.
    private static readonly (string Name, int Bit)[] PolicyBits =
    [
        ("smt", 16), ("migrate_ma", 18), ("single_socket", 20), ("cxl", 21), ("mem_aes256", 22), ("rapl_dis", 23), ("ct_hiding", 24), ("page_swap_dis", 25),
    ];

    private static readonly (string Name, int Bit)[] PlatformBits =
    [
        ("smt", 0), ("tsme", 1), ("ecc", 2), ("rapl_dis", 3), ("ct_hiding", 4), ("alias_check", 5), ("bit6", 6), ("sev_tio", 7),
    ];

    public static PolicySection Read(MappingReader reader, PolicyErrors errors)
    {
        SectionBuilder builder = new(Tee.Snp, errors);
        ReadRules(builder, reader);
        builder.ReferenceValues(reader, "reportData", "reportData", ClaimNames.ReportData, mayBeExpected: true, 64);
        reader.Finish();
        return builder.Build();
    }

    /// <summary>All rules but that of the report data; the caller finishes the reader.</summary>
    internal static void ReadRules(SectionBuilder builder, MappingReader reader)
    {
        builder.Debug(reader);
        builder.ReferenceValues(reader, "measurement", "measurement", ClaimNames.Measurement, mayBeExpected: false, 48);
        builder.ReferenceValues(reader, "hostData", "hostData", ClaimNames.HostData, mayBeExpected: true, 32);
        builder.ReferenceValues(reader, "idKeyDigest", "idKeyDigest", ClaimNames.IdKeyDigest, mayBeExpected: false, 48);
        builder.ReferenceValues(reader, "authorKeyDigest", "authorKeyDigest", ClaimNames.AuthorKeyDigest, mayBeExpected: false, 48);
        builder.ReferenceValues(reader, "familyId", "familyId", ClaimNames.FamilyId, mayBeExpected: false, 16);
        builder.ReferenceValues(reader, "imageId", "imageId", ClaimNames.ImageId, mayBeExpected: false, 16);
        builder.Rule(reader, "guestSvn", "guestSvn", (node, path) => builder.Number(node, path, uint.MaxValue) is { } least ? new MinimumRule("guestSvn", least, ClaimNames.GuestSvn) : null);
        builder.Rule(reader, "vmpl", "vmpl", (node, path) => new AllowedNumberRule("vmpl", ClaimNames.Vmpl, [.. builder.Items(node, path).Select(i => builder.Number(i, path, 3)).OfType<ulong>()]));
        builder.Rule(reader, "products", "products", (node, path) => new AllowedTextRule("products", ClaimNames.Product, builder.Words(node, path, Products)));
        builder.Rule(reader, "signingKeys", "signingKeys", (node, path) => new AllowedTextRule("signingKeys", ClaimNames.SigningKey, builder.Words(node, path, "vcek", "vlek")));
        ReadBits(builder, reader);
        builder.MappingRule(reader, "minTcb", "minTcb", ReadMinimumTcb);
        builder.MappingRule(reader, "firmware", "firmware", inner => new SnpFirmwareRule(
            inner.Version("minVersion"), inner.Text("provisional") switch
            {
                "allow" => true,
                "refuse" or null => false,
                _ => Wrong(builder, inner, "provisional", "expected refuse or allow"),
            }));
        builder.Platforms(reader, ("chipId", ClaimNames.ChipId, 64));
    }

    private static void ReadBits(SectionBuilder builder, MappingReader reader)
    {
        builder.MappingRule(reader, "guestPolicy", "guestPolicy", inner => new SnpGuestPolicyRule(
            Bits(builder, inner, "require", PolicyBits), Bits(builder, inner, "allow", PolicyBits), inner.Version("minAbi")));
        builder.MappingRule(reader, "platformInfo", "platformInfo", inner => new BitsRule(
            "platformInfo", ClaimNames.PlatformInfo, Bits(builder, inner, "require", PlatformBits), Bits(builder, inner, "allow", PlatformBits)));
        builder.MappingRule(reader, "mitigations", "mitigations", ReadMitigations);
    }

    private static BitsRule ReadMitigations(MappingReader reader)
    {
        ulong required = reader.Number("require", ulong.MaxValue) ?? 0;
        if (required == 0)
        {
            reader.Fail("requires no bit and so binds nothing: give require, or leave it out");
        }

        return new BitsRule("mitigations", ClaimNames.CurrentMitigationVector, required, ulong.MaxValue);
    }

    private static ulong Bits(SectionBuilder builder, MappingReader reader, string field, (string Name, int Bit)[] known)
    {
        if (reader.Take(field) is not { } node || node is YamlSequenceNode { Children.Count: 0 })
        {
            return 0;
        }

        ulong bits = 0;
        foreach (string word in builder.Words(node, reader.PathOf(field), [.. known.Select(k => k.Name)]))
        {
            bits |= 1ul << Array.Find(known, k => k.Name == word).Bit;
        }

        return bits;
    }

    private static SnpMinimumTcbRule ReadMinimumTcb(MappingReader reader)
    {
        Dictionary<string, IReadOnlyDictionary<string, byte>> byProduct = new(StringComparer.Ordinal);
        foreach (string product in Products)
        {
            if (reader.Mapping(product) is not { } minimum)
            {
                continue;
            }

            Dictionary<string, byte> components = new(StringComparer.Ordinal);
            foreach (string component in Components)
            {
                if (minimum.Number(component, 255) is { } least)
                {
                    components.Add(component, (byte)least);
                }
            }

            if (components.Count == 0)
            {
                minimum.Fail($"names no component and so binds nothing: give the least of {string.Join(", ", Components)}, or minTcb: any");
            }

            minimum.Finish();
            byProduct.Add(product, components);
        }

        if (byProduct.Count == 0)
        {
            reader.Fail($"names no product line, so that every report would be refused: give {string.Join(", ", Products)}, or any");
        }

        return new SnpMinimumTcbRule(byProduct);
    }

    private static bool Wrong(SectionBuilder builder, MappingReader reader, string field, string problem)
    {
        builder.Errors.Add(reader.Take(field)!, reader.PathOf(field), problem);
        return false;
    }
}
