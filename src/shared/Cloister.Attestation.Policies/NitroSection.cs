using System.Globalization;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Policies;

/// <summary>Section <c>nitro</c>.</summary>
internal static class NitroSection
{
    public static PolicySection Read(MappingReader reader, PolicyErrors errors)
    {
        SectionBuilder builder = new(Tee.Nitro, errors);
        builder.Debug(reader);
        if (reader.Mapping("pcrs") is { } pcrs)
        {
            for (int i = 0; i <= 31; i++)
            {
                string index = i.ToString(CultureInfo.InvariantCulture);
                builder.ReferenceValues(pcrs, index, ClaimNames.PcrPrefix + index, ClaimNames.PcrPrefix + index, mayBeExpected: false, 32, 48, 64);
            }

            pcrs.Finish();
        }

        builder.ReferenceValues(reader, "userData", "userData", ClaimNames.UserData, mayBeExpected: true);
        builder.ReferenceValues(reader, "nonce", "nonce", ClaimNames.Nonce, mayBeExpected: true);
        builder.ReferenceValues(reader, "publicKey", "publicKey", ClaimNames.PublicKey, mayBeExpected: true);
        reader.Finish();
        return builder.Build();
    }
}
