namespace Cloister.Broker.Host.Configuration;

/// <summary>A certificate for TLS, in PEM files.</summary>
/// <param name="Certificate">The leaf, then what issued it.</param>
/// <param name="Key">The leaf's private key, not encrypted.</param>
internal sealed record TlsFiles(string Certificate, string Key);
