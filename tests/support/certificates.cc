#include "support/certificates.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace certificates {
namespace {

/// A folder that goes with the program.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "certificates-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for certificates");
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms::others_exec |
                                            std::filesystem::perms::group_exec |
                                            std::filesystem::perms::owner_all);
    make();
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  void openssl(const std::string& words) const {
    const std::string command = "cd " + path_ + " && openssl " + words + " >log 2>&1";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }

  void authority(const std::string& name) const {
    openssl("req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=" + name + " -keyout " + name +
            ".key -out " + name + ".pem");
  }

  void certificate(const std::string& name, const std::string& authority, const std::string& names,
                   const std::string& days = "30", const std::string& kind = "rsa:2048") const {
    std::ofstream(file(name + ".ext")) << "subjectAltName=" << names << "\n";
    openssl("req -newkey " + kind + " -nodes -subj /CN=" + name + " -keyout " + name +
            ".key -out " + name + ".csr");
    openssl("x509 -req -in " + name + ".csr -CA " + authority + ".pem -CAkey " + authority +
            ".key -CAcreateserial -days " + days + " -extfile " + name + ".ext -out " + name +
            ".pem");
  }

  void make() const {
    authority("ca");
    authority("otherca");
    certificate("node", "ca", "IP:127.0.0.1,DNS:localhost");
    certificate("named", "ca", "DNS:localhost");
    certificate("numbered", "ca", "IP:127.0.0.1");
    certificate("elsewhere", "ca", "IP:10.9.9.9,DNS:else.where");
    certificate("wild", "ca", "DNS:*.cluster.example");
    certificate("stranger", "otherca", "IP:127.0.0.1,DNS:localhost");
    certificate("expired", "ca", "IP:127.0.0.1", "-1");
    certificate("soon", "ca", "IP:127.0.0.1", "10");
    certificate("curve", "ca", "IP:127.0.0.1", "30", "ec -pkeyopt ec_paramgen_curve:prime256v1");
  }

  std::string path_;
};

}  // namespace

std::string file(const std::string& name) {
  static const Folder folder;
  return folder.file(name);
}

}  // namespace certificates
