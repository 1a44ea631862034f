using System.Globalization;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Appraise.Rules;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Policies;

/// <summary>Sections <c>az-snp-vtpm</c> and <c>az-tdx-vtpm</c>: the hardware's rules, which are about the paravisor, and the vTPM's, which are about the guest.</summary>
internal static class AzureSections
{
    public static PolicySection ReadSnp(MappingReader reader, PolicyErrors errors)
    {
        SectionBuilder builder = new(Tee.AzureSnp, errors);
        SnpSection.ReadRules(builder, reader);
        return ReadVtpm(builder, reader);
    }

    public static PolicySection ReadTdx(MappingReader reader, PolicyErrors errors)
    {
        SectionBuilder builder = new(Tee.AzureTdx, errors);
        IntelSections.ReadTdxRules(builder, reader);
        return ReadVtpm(builder, reader);
    }

    private static PolicySection ReadVtpm(SectionBuilder builder, MappingReader reader)
    {
        if (reader.Mapping("pcrs") is { } pcrs)
        {
            for (int i = 0; i <= 23; i++)
            {
                string index = i.ToString(CultureInfo.InvariantCulture);
                builder.ReferenceValues(pcrs, index, ClaimNames.PcrPrefix + index, ClaimNames.PcrPrefix + index, mayBeExpected: false, 32);
            }

            pcrs.Finish();
        }

        builder.Word(reader, "secureBoot", "required", () => new FlagRule("secureBoot", ClaimNames.VmSecureBoot, wanted: true));
        builder.ReferenceValues(reader, "qualifyingData", "qualifyingData", ClaimNames.QualifyingData, mayBeExpected: true);
        builder.ReferenceValues(reader, "userData", "userData", ClaimNames.UserData, mayBeExpected: false, 64);
        builder.Rule(reader, "vmUniqueId", "vmUniqueId", (node, path) => new AllowedTextRule("vmUniqueId", ClaimNames.VmUniqueId, builder.Words(node, path)));
        reader.Finish();
        return builder.Build();
    }
}
