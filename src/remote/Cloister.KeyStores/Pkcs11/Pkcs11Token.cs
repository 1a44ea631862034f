using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;

namespace Cloister.KeyStores.Pkcs11;

/// <summary>
/// A token and its sessions. A session serves one call at a time; calls at once have sessions of their own. When the token loses its
/// sessions or its login, a call logs in again, once. Thread-safe.
/// secrets: the PIN, while logging in.
/// </summary>
internal sealed class Pkcs11Token : IDisposable
{
    // A library is initialized once in a process and never finalized: that would end everybody's sessions.
    private static readonly ConcurrentDictionary<string, Lazy<IPkcs11Library>> Libraries = new(StringComparer.Ordinal);

    private readonly ConcurrentBag<ISession> _idle = [];
    private readonly Lock _login = new();
    private readonly Pkcs11TokenOptions _options;
    private ISession? _keeper;
    private int _generation;
    private bool _isDisposed;

    // The package asks for "libdl", a name that only systems with development files have.
    static Pkcs11Token() => NativeLibrary.SetDllImportResolver(
        typeof(Pkcs11Exception).Assembly,
        (name, _, _) => name == "libdl" && NativeLibrary.TryLoad("libdl.so.2", out nint loader) ? loader : 0);

    public Pkcs11Token(Pkcs11TokenOptions options) => _options = options;

    public static Pkcs11InteropFactories Factories { get; } = new();

    /// <summary>Calls with a session that is logged in.</summary>
    /// <exception cref="KeyStoreException">The token does not work.</exception>
    public T Use<T>(Func<ISession, T> call)
    {
        try
        {
            int generation = Volatile.Read(ref _generation);
            try
            {
                return UseOnce(call);
            }
            catch (Pkcs11Exception e) when (Pkcs11Failures.IsLostSession(e.RV))
            {
                Forget(generation);
                return UseOnce(call);
            }
        }
        catch (Pkcs11Exception e)
        {
            throw Pkcs11Failures.Of(e);
        }
    }

    /// <summary>Ends this object's sessions.</summary>
    public void Dispose()
    {
        lock (_login)
        {
            _isDisposed = true;
            CloseIdle();
            Close(_keeper);
            _keeper = null;
        }
    }

    private T UseOnce<T>(Func<ISession, T> call)
    {
        int generation = LogIn();
        ISession session = _idle.TryTake(out ISession? idle) ? idle : Open();
        bool isLost = false;
        try
        {
            return call(session);
        }
        catch (Pkcs11Exception e) when (Pkcs11Failures.IsLostSession(e.RV))
        {
            isLost = true;
            throw;
        }
        finally
        {
            lock (_login)
            {
                if (isLost || _isDisposed || generation != _generation)
                {
                    Close(session);
                }
                else
                {
                    _idle.Add(session);
                }
            }
        }
    }

    // The login is the token's, for all sessions of the process; it lasts as long as one of them is open.
    private int LogIn()
    {
        lock (_login)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_keeper is not null)
            {
                return _generation;
            }

            ISession session = Open();
            byte[] pin = ReadPin();
            try
            {
                session.Login(CKU.CKU_USER, pin);
            }
            catch (Pkcs11Exception e) when (e.RV == CKR.CKR_USER_ALREADY_LOGGED_IN)
            {
                // Another object of this process has logged in.
            }
            catch
            {
                Close(session);
                throw;
            }
            finally
            {
                CryptographicOperations.ZeroMemory(pin);
            }

            _keeper = session;
            return _generation;
        }
    }

    private void Forget(int generation)
    {
        lock (_login)
        {
            if (generation == _generation)
            {
                _generation++;
                CloseIdle();
                Close(_keeper);
                _keeper = null;
            }
        }
    }

    private ISession Open()
    {
        IPkcs11Library library;
        try
        {
            library = Libraries.GetOrAdd(_options.Library, path => new Lazy<IPkcs11Library>(() =>
                Factories.Pkcs11LibraryFactory.LoadPkcs11Library(Factories, path, AppType.MultiThreaded))).Value;
        }
        catch (Exception e) when (e is not Pkcs11Exception)
        {
            // What failed is not kept: the library may be there later.
            Libraries.TryRemove(_options.Library, out _);
            throw new KeyStoreException(KeyStoreFailure.Unavailable, $"the PKCS#11 library {_options.Library} does not load", e);
        }

        ISlot[] slots = [.. library.GetSlotList(SlotsType.WithTokenPresent).Where(s => s.GetTokenInfo().Label.TrimEnd() == _options.TokenLabel)];
        return slots.Length == 1
            ? slots[0].OpenSession(SessionType.ReadWrite)
            : throw new KeyStoreException(KeyStoreFailure.Unavailable, $"{slots.Length} tokens have the label {_options.TokenLabel}; it must be one");
    }

    private byte[] ReadPin()
    {
        try
        {
            byte[] file = File.ReadAllBytes(_options.PinFile);
            byte[] pin = file.AsSpan().TrimEnd("\r\n"u8).ToArray();
            CryptographicOperations.ZeroMemory(file);
            return pin;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyStoreException(KeyStoreFailure.Unavailable, $"PIN file {_options.PinFile}: {e.Message}", e);
        }
    }

    private void CloseIdle()
    {
        while (_idle.TryTake(out ISession? session))
        {
            Close(session);
        }
    }

    private static void Close(ISession? session)
    {
        try
        {
            session?.CloseSession();
        }
        catch (Pkcs11Exception)
        {
            // It is gone already.
        }
    }
}
