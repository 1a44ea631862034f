using System.Security.Cryptography;
using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Policies;
using Cloister.Broker.Evidence;
using Cloister.Kbs;
using YamlDotNet.RepresentationModel;

namespace Cloister.Broker.Policies;

/// <summary>
/// <c>spec.initData</c>: init-data that comes with evidence is that whose digest the TEE was started with (TDX: MRCONFIGID, SEV-SNP: HOST_DATA, SGX:
/// CONFIGID; cut, or filled with zeros, to the field's length). Which digest is acceptable is for the appraisal's rule of that field.
/// </summary>
/// <param name="Algorithm"><c>sha256</c>, <c>sha384</c> or <c>sha512</c>.</param>
public sealed record InitDataRule(string Algorithm)
{
    internal static InitDataRule? Read(MappingReader spec, PolicyErrors errors)
    {
        YamlNode? node = spec.Take("initData");
        if (node is null)
        {
            return null;
        }

        string algorithm = (node as YamlScalarNode)?.Value ?? "";
        if (algorithm is not ("sha256" or "sha384" or "sha512"))
        {
            errors.Add(node, "spec.initData", "expected sha256, sha384 or sha512: the digest of init-data that TEEs are started with");
        }

        return new InitDataRule(algorithm);
    }

    internal bool Covers(AttestedEnclave enclave, InitData data)
    {
        string? field = enclave.Evidence.Claims.Tee switch
        {
            Tee.Tdx => ClaimNames.MrConfigId,
            Tee.Snp => ClaimNames.HostData,
            Tee.Sgx => ClaimNames.ConfigId,
            _ => null,
        };
        if (field is null || !enclave.Evidence.Claims.All.TryGet(field, out ClaimValue? measured) || measured.Kind != ClaimKind.Bytes)
        {
            return false;
        }

        byte[] body = Encoding.UTF8.GetBytes(data.Body);
        byte[] digest = Algorithm switch
        {
            "sha256" => SHA256.HashData(body),
            "sha384" => SHA384.HashData(body),
            _ => SHA512.HashData(body),
        };
        byte[] expected = new byte[measured.Bytes.Length];
        digest.AsSpan(0, Math.Min(digest.Length, expected.Length)).CopyTo(expected);
        return measured.Bytes.SequenceEqual(expected);
    }
}
