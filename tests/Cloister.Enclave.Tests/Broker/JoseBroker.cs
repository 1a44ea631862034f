using Cloister.Kbs;
using Jose;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>Encrypts as a broker does, with a library that shares no code with the enclave.</summary>
internal static class JoseBroker
{
    internal static FlattenedJwe Encrypt(string jwk, byte[] plaintext)
    {
        string[] parts = JWT.EncodeBytes(plaintext, Jwk.FromJson(jwk), JweAlgorithm.ECDH_ES_A256KW, JweEncryption.A256GCM).Split('.');
        return new FlattenedJwe(parts[0], parts[1], parts[2], parts[3], parts[4]);
    }
}
