using System.Formats.Asn1;
using System.Text;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Certificates;

/// <summary>Names of certificates (RFC 5280, 4.1.2.4).</summary>
internal static class DistinguishedName
{
    /// <summary>The one common name, or the empty string. Two common names are refused: which one counts would be a matter of taste.</summary>
    public static string CommonNameOf(ReadOnlySpan<byte> name)
    {
        string found = "";
        DerReader outer = new(name, "name");
        DerReader sequence = outer.Sequence("name");
        outer.End();
        while (sequence.HasData)
        {
            DerReader set = sequence.Set("rdn");
            while (set.HasData)
            {
                DerReader attribute = set.Sequence("attribute");
                bool isCommonName = attribute.Oid("type").SequenceEqual(DerOid.CommonName);
                DerReader value = attribute;
                attribute.Encoded("value");
                attribute.End();
                if (!isCommonName)
                {
                    continue;
                }

                if (found.Length != 0)
                {
                    throw attribute.Error("type", "two common names");
                }

                found = Text(ref value);
            }
        }

        return found;
    }

    private static string Text(ref DerReader value)
    {
        foreach (UniversalTagNumber number in (ReadOnlySpan<UniversalTagNumber>)[UniversalTagNumber.UTF8String, UniversalTagNumber.PrintableString, UniversalTagNumber.IA5String])
        {
            Asn1Tag tag = new(number);
            if (value.NextIs(tag))
            {
                return Encoding.UTF8.GetString(value.Content("value", tag));
            }
        }

        throw value.Error("value", "a common name of an unexpected string type");
    }
}
