using System.Formats.Asn1;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Certificates;

/// <summary>Reads AlgorithmIdentifier (RFC 5280, 4.1.1.2; RFC 4055, 3.1).</summary>
internal static class SignatureSchemeReader
{
    public static SignatureScheme Read(ref DerReader reader, string field)
    {
        DerReader algorithm = reader.Sequence(field);
        ReadOnlySpan<byte> oid = algorithm.Oid("algorithm");
        if (oid.SequenceEqual(DerOid.RsaPss))
        {
            ReadPssParameters(ref algorithm);
            return SignatureScheme.RsaPssSha384;
        }

        // RFC 5758, 3.2: the parameters of ECDSA signatures are absent.
        algorithm.End();
        return oid.SequenceEqual(DerOid.EcdsaSha256) ? SignatureScheme.EcdsaSha256
            : oid.SequenceEqual(DerOid.EcdsaSha384) ? SignatureScheme.EcdsaSha384
            : throw algorithm.Error("algorithm", $"signature algorithm {Convert.ToHexStringLower(oid)} is not accepted");
    }

    private static void ReadPssParameters(ref DerReader algorithm)
    {
        DerReader parameters = algorithm.Sequence("pss");
        algorithm.End();

        DerReader hash = parameters.Constructed("hash", new(TagClass.ContextSpecific, 0, true));
        ReadSha384(ref hash);
        hash.End();

        DerReader mask = parameters.Constructed("mask", new(TagClass.ContextSpecific, 1, true));
        DerReader generator = mask.Sequence("generator");
        mask.End();
        if (!generator.Oid("algorithm").SequenceEqual(DerOid.Mgf1))
        {
            throw generator.Error("algorithm", "not MGF1");
        }

        ReadSha384(ref generator);
        generator.End();

        DerReader salt = parameters.Constructed("salt", new(TagClass.ContextSpecific, 2, true));
        if (salt.SmallInteger("length", 512) != 48)
        {
            throw salt.Error("length", "salt length is not 48");
        }

        salt.End();

        // Strict DER leaves the default trailer out; AMD's certificates write it.
        if (parameters.HasData)
        {
            DerReader trailer = parameters.Constructed("trailer", new(TagClass.ContextSpecific, 3, true));
            if (trailer.SmallInteger("field", 255) != 1)
            {
                throw trailer.Error("field", "trailer field is not 1");
            }

            trailer.End();
        }

        parameters.End();
    }

    private static void ReadSha384(ref DerReader reader)
    {
        DerReader algorithm = reader.Sequence("hash");
        if (!algorithm.Oid("algorithm").SequenceEqual(DerOid.Sha384))
        {
            throw algorithm.Error("algorithm", "not SHA-384");
        }

        if (algorithm.HasData && !algorithm.Content("parameters", Asn1Tag.Null).IsEmpty)
        {
            throw algorithm.Error("parameters", "NULL with contents");
        }

        algorithm.End();
    }
}
