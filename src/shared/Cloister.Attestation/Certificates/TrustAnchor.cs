namespace Cloister.Attestation.Certificates;

/// <summary>A root certificate pinned by the SHA-256 of its encoding.</summary>
/// <param name="Sha256">64 lower-case hex digits.</param>
/// <param name="Name">For people: the root's common name.</param>
public sealed record TrustAnchor(string Sha256, string Name);
