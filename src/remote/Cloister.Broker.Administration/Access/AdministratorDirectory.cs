using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Kbs;

namespace Cloister.Broker.Administration;

/// <summary>
/// The administrators of a broker, by their keys. A certificate is looked at for its key and that it is marked for administrators: TLS has proved that
/// the client holds it.
/// secrets: none; pins are of public keys.
/// </summary>
public sealed class AdministratorDirectory
{
    private readonly ConcurrentDictionary<object, Action> _watchers = new();
    private Administrators _now;

    /// <summary>A directory.</summary>
    /// <param name="administrators">Each, once for each of their keys, with the pin of a key: <c>sha256:</c> and base64 of SHA-256 of the SubjectPublicKeyInfo.</param>
    /// <exception cref="ArgumentException">Something is no pin, a key comes twice, or a name comes with different roles or in different letters: two persons would be one.</exception>
    public AdministratorDirectory(IEnumerable<(Administrator Administrator, string Pin)> administrators) => _now = new Administrators(administrators);

    /// <summary>Puts others in their place. Who is not among them is nobody from now on: what they have begun to send is cut off.</summary>
    /// <param name="administrators">As for the constructor.</param>
    /// <exception cref="ArgumentException">As there; nothing is changed.</exception>
    public void Replace(IEnumerable<(Administrator Administrator, string Pin)> administrators)
    {
        Volatile.Write(ref _now, new Administrators(administrators));
        foreach (Action watcher in _watchers.Values)
        {
            watcher();
        }
    }

    /// <summary>The administrator whose key a certificate holds that is marked for administrators, or null.</summary>
    public Administrator? Find(X509Certificate2? certificate) =>
        certificate is not null && CertificateRole.Has(certificate, CertificateRole.Administrator) && Now.ByPin.TryGetValue(PinOf(certificate), out Administrator? administrator) ? administrator : null;

    /// <summary>The administrator of a name, or null.</summary>
    public Administrator? Named(string name) => Now.ByName.GetValueOrDefault(name);

    /// <summary>Everybody.</summary>
    public IReadOnlyCollection<Administrator> All => Now.ByName.Values;

    /// <summary>Every key, with whose it is.</summary>
    public IReadOnlyDictionary<string, Administrator> Keys => Now.ByPin;

    private Administrators Now => Volatile.Read(ref _now);

    /// <summary>Calls back after each replacement, until the answer is disposed.</summary>
    internal IDisposable Watch(Action changed)
    {
        Watching watching = new(_watchers);
        _watchers[watching] = changed;
        return watching;
    }

    /// <summary>The pin of a certificate's key.</summary>
    public static string PinOf(X509Certificate2 certificate) => "sha256:" + Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static bool IsPin(string pin)
    {
        Span<byte> digest = stackalloc byte[64];
        return pin.StartsWith("sha256:", StringComparison.Ordinal) && pin.Length == 51
            && Convert.TryFromBase64String(pin["sha256:".Length..], digest, out int length) && length == SHA256.HashSizeInBytes;
    }

    private sealed class Administrators
    {
        public Administrators(IEnumerable<(Administrator Administrator, string Pin)> administrators)
        {
            foreach ((Administrator administrator, string pin) in administrators)
            {
                if (!IsPin(pin))
                {
                    throw new ArgumentException($"the key of administrator {administrator.Name} is not sha256: and 44 characters of base64; 'cloister admin keygen' prints it");
                }

                ByName.TryAdd(administrator.Name, administrator);
                if (ByName[administrator.Name] != administrator || !ByPin.TryAdd(pin, administrator))
                {
                    throw new ArgumentException($"administrator {administrator.Name} has a name or a key that another one has");
                }
            }
        }

        public Dictionary<string, Administrator> ByPin { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, Administrator> ByName { get; } = new(StringComparer.OrdinalIgnoreCase);
    }

    private sealed class Watching(ConcurrentDictionary<object, Action> watchers) : IDisposable
    {
        public void Dispose() => watchers.TryRemove(this, out _);
    }
}
