namespace Cloister.Attestation.Certificates;

/// <summary>One extension of a certificate (RFC 5280, 4.1.2.9).</summary>
/// <param name="Oid">Content bytes of the object identifier's DER.</param>
/// <param name="IsCritical">Whether a verifier that does not know it must refuse.</param>
/// <param name="Value">The octets of extnValue.</param>
/// <param name="Offset">Where <paramref name="Value"/> starts in the certificate.</param>
public readonly record struct CertificateExtension(ReadOnlyMemory<byte> Oid, bool IsCritical, ReadOnlyMemory<byte> Value, int Offset);
